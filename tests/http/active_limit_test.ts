/** The limit of active campaigns, under concurrent requests. */
import { assertEquals } from "@std/assert";
import { dayMs, minuteMs, type TestServer, withServer } from "../support/server.ts";

/** Runs the work of 8 clients at once, each taking the next piece when it is done with one. */
async function byClients<Piece, Done>(
  pieces: readonly Piece[],
  work: (piece: Piece) => Promise<Done>,
): Promise<Done[]> {
  const done: Done[] = [];
  const queue = [...pieces];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
      done.push(await work(piece));
    }
  }));
  return done;
}

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function activate({ request }: TestServer, id: string): Promise<string> {
  const { status, json } = await request("POST", `/v1/campaigns/${id}/activate`);
  return status === 200 ? "ok" : json.code;
}

Deno.test("60 activations from 8 clients: exactly 30 succeed, each stop frees one slot", () =>
  withServer(async (server) => {
    const ids = await byClients(
      Array.from({ length: 60 }, (_, index) => index),
      () => server.draft(),
    );
    const outcomes = await byClients(ids, (id) => activate(server, id));
    assertEquals(tally(outcomes), { ok: 30, active_limit_reached: 30 });
    const list = async () => (await server.expect(200, "GET", "/v1/campaigns?limit=200")).json;
    const { activeCount, countsByStatus, items } = await list();
    assertEquals([activeCount, countsByStatus.posting, countsByStatus.writing], [30, 30, 30]);
    const inStatus = (status: string) =>
      items.filter((one: { status: string }) => one.status === status)
        .map(({ id }: { id: string }) => id) as string[];
    const writing = inStatus("writing");
    for (const stopped of [1, 2, 4]) {
      const some = inStatus("posting").slice(stopped, 2 * stopped);
      await byClients(some, (id) => server.expect(200, "POST", `/v1/campaigns/${id}/stop`));
      const waiting = (await list()).items
        .filter((one: { id: string; status: string }) =>
          writing.includes(one.id) && one.status === "writing"
        ).map(({ id }: { id: string }) => id) as string[];
      const again = tally(await byClients(waiting, (id) => activate(server, id)));
      assertEquals(again, { ok: stopped, active_limit_reached: waiting.length - stopped });
      assertEquals((await list()).activeCount, 30);
    }
  }));

Deno.test("restart needs a slot too; end and the clock free one", () =>
  withServer(async (server) => {
    const { campaignIn, expect, request, settings, nowMs, advance } = server;
    await expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 2 } });
    const stopped = await campaignIn("stopped");
    const schedule = { ...settings().schedule, endAt: new Date(nowMs() + dayMs).toISOString() };
    const first = await campaignIn("posting");
    await campaignIn("posting", { schedule });
    const restart = async () => {
      const { status, json } = await request("POST", `/v1/campaigns/${stopped}/restart`);
      return status === 200 ? "ok" : json.code;
    };
    assertEquals(await restart(), "active_limit_reached");
    await expect(200, "POST", `/v1/campaigns/${first}/end`);
    assertEquals(await restart(), "ok");
    const [a, b] = [await server.draft(), await server.draft()];
    assertEquals(await activate(server, a), "active_limit_reached");
    advance(dayMs);
    assertEquals(await activate(server, a), "ok", "nobody had looked since a campaign ended");
    assertEquals(await activate(server, b), "active_limit_reached");
  }));

Deno.test("a lower limit stops nobody and holds for later activations", () =>
  withServer(async (server) => {
    const { campaignIn, expect, draft } = server;
    const ids = [await campaignIn("posting"), await campaignIn("waiting_to_post")];
    await expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 1 } });
    const list = (await expect(200, "GET", "/v1/campaigns")).json;
    assertEquals([list.activeCount, list.activeLimit], [2, 1]);
    const id = await draft();
    assertEquals(await activate(server, id), "active_limit_reached");
    await expect(200, "POST", `/v1/campaigns/${ids[0]}/stop`);
    assertEquals(await activate(server, id), "active_limit_reached");
    await expect(200, "POST", `/v1/campaigns/${ids[1]}/stop`);
    assertEquals(await activate(server, id), "ok");
    server.advance(minuteMs);
  }));
