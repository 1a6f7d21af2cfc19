/** Conditions made to be slow: nobody else waits for them. */
import { assertEquals } from "@std/assert";
import { assertProblem, withServer } from "../support/server.ts";

function times<Item>(count: number, item: () => Item): Item[] {
  return Array.from({ length: count }, item);
}

/** Holds, after comparing long texts as often as settings have room for. */
const slow = { "!": { or: times(70, () => ({ ">": [{ var: "t" }, { var: "o" }] })) } };
const never = { "==": [1, 2] };

Deno.test("a decision over the slowest conditions lets others in between", () =>
  withServer(async ({ campaignIn, expect, request }) => {
    const conditions = { and: [...times(9, () => slow), never] };
    for (let nth = 0; nth < 29; nth++) {
      const trigger = { kind: "event", event: "e", conditions };
      await campaignIn("posting", { trigger, priority: 90 });
    }
    const last = await campaignIn("posting", { trigger: { kind: "event", event: "e" } });
    const properties = {
      t: times(4, () => "a".repeat(999)),
      o: times(4, () => "a".repeat(1_000)),
    };
    const body = { platform: "web", deviceId: "d", event: "e", properties };
    const decided = expect(200, "POST", "/v1/delivery/decide", { role: "sdk", body });
    let turns = 0;
    let longestMs = 0;
    let isOver = false;
    decided.finally(() => isOver = true);
    for (let beforeMs = performance.now(); !isOver;) {
      await new Promise((done) => setTimeout(done, 0));
      turns++;
      longestMs = Math.max(longestMs, performance.now() - beforeMs);
      beforeMs = performance.now();
    }
    const { json } = await decided;
    assertEquals(json.message.campaignId, last);
    // A time is shown and not asserted: the machine may be busy.
    console.log(`${turns} turns for others, the longest wait for one ${longestMs.toFixed(1)} ms`);
    const larger = { ...body, properties: { a: times(9, () => "x".repeat(1_000)) } };
    assertProblem(await request("POST", "/v1/delivery/decide", { body: larger }), 422, "invalid");
  }));
