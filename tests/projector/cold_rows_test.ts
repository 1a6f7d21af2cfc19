/** Days that leave memory: what is asked of them over HTTP, across restarts, rebuilds and leftovers. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { keys } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { rebuild, replayModels, Slot } from "../../src/projector/mod.ts";
import { dayMs, hourMs, openTestServer, type TestServer } from "../support/server.ts";

interface Seen {
  readonly atMs: number;
  readonly device: number;
  readonly isClick: boolean;
}

const quarterMs = hourMs / 4;
const dayCount = 34;

/** Six interactions a day at odd hours, and some of them days later. */
async function report(server: TestServer, campaignId: string, day: number): Promise<Seen[]> {
  const seen = [0, 1, 2, 3, 4, 5].map((nth) => ({
    atMs: server.nowMs() - (nth === 5 && day > 6 ? 6 * dayMs : nth * 3 * hourMs),
    device: (day * 7 + nth * 3) % 11,
    isClick: nth % 3 === 0,
  }));
  const interactions = seen.map(({ atMs, device, isClick }, nth) => ({
    id: `${day}-${nth}`,
    kind: isClick ? "click" : "impression",
    ...(isClick ? { elementId: "buy" } : {}),
    campaignId,
    platform: "web",
    deviceId: `d${device}`,
    occurredAt: new Date(atMs).toISOString(),
  }));
  const { json } = await server.expect(202, "POST", "/v1/interactions", { body: { interactions } });
  assertEquals(json.rejected, []);
  return seen;
}

async function assertAnswers(server: TestServer, seen: readonly Seen[]): Promise<void> {
  const first = Math.floor(seen[0]!.atMs / dayMs) * dayMs - dayMs;
  for (let nth = 0; nth < 24; nth++) {
    const fromMs = first + nth * 29 * hourMs + (nth % 4) * quarterMs;
    const toMs = fromMs + ((nth * 5) % 33) * dayMs + (nth % 7) * quarterMs;
    const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
    const within = seen.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const devices = (isClick: boolean) =>
      new Set(within.flatMap((one) => one.isClick === isClick ? one.device : [])).size;
    for (const more of ["", "&by=platform", "&granularity=day"]) {
      const { json } = await server.expect(200, "GET", `/v1/kpi?from=${from}&to=${to}${more}`);
      const found = [json.totalImpressions, json.totalClicks];
      assertEquals(
        [...found, json.uniqueImpressions, json.uniqueClicks],
        [
          within.filter(({ isClick }) => !isClick).length,
          within.filter(({ isClick }) => isClick).length,
          devices(false),
          devices(true),
        ],
        `from ${from} to ${to}${more}`,
      );
    }
  }
}

/** A replay holds no cold row, but tells where one differs. */
async function assertFound(server: TestServer, kv: Deno.Kv): Promise<void> {
  const { reader, models } = server.placard.engine;
  const slot = new Slot(kv, "kpi", models.kpi.slotName);
  const { key, bytes, through } = (await Array.fromAsync(slot.rows("cold")))[0]!;
  const altered = bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
  await kv.set(keys.coldRow("kpi", slot.name, key, 0), { through, parts: 1, bytes: altered });
  const { create } = mountedModels(kv).kpi;
  const { models: [replayed] } = await replayModels({ kv, reader, creates: [create] });
  const { differenceCount, differences } = replayed!.comparison!;
  assertEquals([differenceCount, differences[0]!.key], [1, key]);
  const sizes = `${bytes.length} bytes stored, ${bytes.length} from the log`;
  assertStringIncludes(differences[0]!.detail, `${sizes}; at byte ${bytes.length - 1}`);
}

Deno.test("days that have left memory answer as before, and hold against the log", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv });
  const create = mountedModels(kv).kpi.create;
  const compared = async () => {
    const { reader, projector, tail } = server.placard.engine;
    await tail.readOwnWrites();
    await projector.flush();
    const { comparison } = await rebuild({ kv, reader, create, dryRun: true });
    assertEquals(comparison!.differences, []);
    const report = await fsck(kv, Object.values(mountedModels(kv)).map((one) => one.create));
    assertEquals(report.faults, []);
  };
  try {
    const schedule = {
      startAt: new Date(server.nowMs() - dayMs).toISOString(),
      endAt: new Date(server.nowMs() + 90 * dayMs).toISOString(),
    };
    const campaign = await server.campaignIn("posting", { schedule });
    server.advance(dayMs);
    const seen: Seen[] = [];
    for (let day = 0; day < dayCount; day++) {
      seen.push(...await report(server, campaign, day));
      if (day % 3 === 0) await server.placard.engine.projector.flush();
      server.advance(dayMs);
    }
    await compared();
    await assertAnswers(server, seen);
    const slot = new Slot(kv, "kpi", server.placard.engine.models.kpi.slotName);
    const cold: string[] = [];
    for await (const { key } of slot.rows("cold")) cold.push(key.split("/")[1]!);
    assertEquals(
      cold.filter((kind) => kind === "day").length,
      cold.filter((kind) => kind === "sum").length,
    );
    assert(cold.filter((kind) => kind === "day").length > 20);
    assert(cold.includes("span"));

    // As a crash leaves it that comes between the checkpoint and the deletion.
    const day = Math.floor(seen[0]!.atMs / dayMs);
    const leftover = keys.row("kpi", slot.name, `quarter/${campaign}/${day * 96}`, 0);
    await kv.set(leftover, { through: "", parts: 1, bytes: new Uint8Array([0, 0, 0]) });
    await compared();
    const clock = new Date(server.nowMs()).toISOString();
    await server.close();
    server = await openTestServer({ kv, clock });
    await assertAnswers(server, seen);
    seen.push(...await report(server, campaign, dayCount));
    await compared();
    assertEquals((await kv.get(leftover)).value, null);
    await assertAnswers(server, seen);

    // The rebuilt slot has the same cold rows.
    const { reader } = server.placard.engine;
    await rebuild({ kv, reader, create });
    await server.close();
    server = await openTestServer({ kv, clock });
    await assertAnswers(server, seen);
    await assertFound(server, kv);
  } finally {
    await server.close();
    kv.close();
  }
});
