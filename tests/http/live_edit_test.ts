/**
 * Editing a campaign while it is posted: a session keeps its revision for its life, a new one gets the
 * new, nobody sees both in one session or more often than the cap says, and the counts add up.
 */
import { assert, assertEquals } from "@std/assert";
import { hourMs, minuteMs, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const deviceCount = 40;
const rounds = 6;

Deno.test("edits under way: one revision a session, caps over revisions, sums that add up", () =>
  withServer(async (server) => {
    const { expect, advance } = server;
    const id = await server.campaignIn("posting", {
      exposure: {
        caps: [{ per: "session", by: "device", max: 1 }, { per: "total", by: "device", max: 3 }],
      },
    });
    /** Shown so often, by device; and which revisions, by session. */
    const shown = new Map<string, number>();
    const revisions = new Map<string, Set<number>>();
    const byRevision = new Map<number, number>();
    const tokens = new Map<string, string>();
    for (let round = 0; round < rounds; round++) {
      for (let nth = 0; nth < deviceCount; nth++) {
        const deviceId = `d${nth}`;
        // A third of the devices start the app anew in each round.
        if ((nth + round) % 3 === 0) tokens.delete(deviceId);
        const token = tokens.get(deviceId);
        const query = token === undefined ? "" : `&session=${token}`;
        const { json } = await expect(
          200,
          "GET",
          `/v1/delivery?platform=web&deviceId=${deviceId}${query}`,
          { role: "sdk" },
        );
        tokens.set(deviceId, json.session);
        const session = `${deviceId} ${JSON.parse(atob(json.session))[2]}`;
        const [message] = json.messages;
        const used = shown.get(deviceId) ?? 0;
        const seen = revisions.get(session);
        assertEquals(message === undefined, used === 3 || seen !== undefined, session);
        if (!message) continue;
        if (token === undefined) assertEquals(message.revision, round + 1, "a new session");
        assertEquals(message.caps.remaining, 1);
        revisions.set(session, new Set([message.revision]));
        shown.set(deviceId, used + 1);
        byRevision.set(message.revision, (byRevision.get(message.revision) ?? 0) + 1);
        const more = { deviceId, session: json.session, revision: message.revision };
        // Reported twice, counted once.
        const impression = item(server, id, more);
        await send(server, [impression]);
        await send(server, [impression]);
        advance(10);
      }
      advance(hourMs);
      await expect(200, "PATCH", `/v1/campaigns/${id}`, {
        body: { content: { title: `Round ${round}` } },
      });
      advance(minuteMs);
    }
    assert(byRevision.size > 3, "several revisions were seen");
    assert([...shown.values()].every((count) => count <= 3));
    const { json } = await expect(200, "GET", `/v1/campaigns/${id}/kpi?by=revision`);
    const counted = json.breakdown
      .map((one: { key: string; totalImpressions: number }) => [+one.key, one.totalImpressions]);
    assertEquals(new Map(counted), byRevision);
    const sum = [...byRevision.values()].reduce((total, count) => total + count, 0);
    assertEquals([json.totalImpressions, json.uniqueImpressions], [sum, shown.size]);
  }));

Deno.test("a session that was open before the edit keeps the old revision to its end", () =>
  withServer(async (server) => {
    const { expect, advance } = server;
    const id = await server.campaignIn("posting");
    const sync = async (token?: string) => {
      const query = token === undefined ? "" : `&session=${token}`;
      const { json } = await expect(200, "GET", `/v1/delivery?platform=web&deviceId=d${query}`);
      return { token: json.session as string, revision: json.messages[0]?.revision };
    };
    let open = await sync();
    for (let edit = 2; edit < 12; edit++) {
      const body = { content: { title: `Edit ${edit}` } };
      await expect(200, "PATCH", `/v1/campaigns/${id}`, { body });
      advance(minuteMs);
      open = await sync(open.token);
      assertEquals([open.revision, (await sync()).revision], [1, edit]);
    }
    await expect(200, "POST", `/v1/campaigns/${id}/stop`);
    assertEquals((await sync(open.token)).revision, undefined);
  }));
