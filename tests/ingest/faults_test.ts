/** Interactions over a store that fails: whoever was not answered sends again, and nothing is twice. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { keys, StoreUnavailableError } from "../../src/event_store/mod.ts";
import type { Engine } from "../../src/http/mod.ts";
import { withSkippingClock } from "../event_store/skipping_clock.ts";
import { usualFaults } from "../support/engines.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { seed } from "../support/laws.ts";
import { withServer } from "../support/server.ts";
import { atOnce, bodyOf, impressions, withScene } from "./scene.ts";

Deno.test("ingest: a store that is down is told; sent again, each is counted once", () =>
  withScene(async (scene) => {
    const { ingest, items, kv } = scene;
    await ingest.receive(bodyOf(items(50)));
    // Before anything is stored: devices have no number.
    kv.fail("throw before", { times: 1_000_000 });
    const fresh = items(3, 50).map((item) => ({ ...item, deviceId: "new" }));
    await withSkippingClock(() =>
      assertRejects(() => ingest.receive(bodyOf(fresh)), StoreUnavailableError)
    );
    await kv.heal();
    // Known devices: the chunk itself is not taken.
    kv.fail("throw before", { times: 1_000_000 });
    const requests = [ingest.receive(bodyOf(items(2, 53))), ingest.receive(bodyOf(items(2, 55)))];
    const results = await withSkippingClock(() => Promise.allSettled(requests));
    for (const result of results) {
      assert(result.status === "rejected" && result.reason instanceof StoreUnavailableError);
    }
    assertEquals(ingest.waitingItems, 0);
    await kv.heal();
    // Nobody knows whether it was stored; it is, later.
    kv.fail("late", { method: "commit", setsPrefix: keys.bodyPrefix() });
    kv.fail("throw before", { method: "get", times: 1_000_000 });
    await withSkippingClock(() =>
      assertRejects(() => ingest.receive(bodyOf(items(3, 57))), StoreUnavailableError)
    );
    await kv.heal();
    for (const again of [fresh, items(2, 53), items(2, 55), items(3, 57), items(60)]) {
      assertEquals((await ingest.receive(bodyOf(again))).accepted, again.length);
    }
    assertEquals(await impressions(scene), 60);
  }));

/** A flush that fails is tried again by the next one; the one of a stop has no next. */
async function flushed({ tail, projector }: Engine): Promise<void> {
  await tail.poll();
  while (!await projector.flush().then(() => true, () => false));
}

Deno.test("ingest: over a store that fails at random, each is counted once", () =>
  withScene(async (scene) => {
    const { server, plain, campaignId, items } = scene;
    const faulty = new FaultyKv(plain, { ...usualFaults, seed });
    await withServer(async ({ placard: { engine } }) => {
      await atOnce(40, async (nth) => {
        const some = items(20, nth * 10);
        const { accepted } = await engine.ingest.receive(bodyOf(some));
        assertEquals(accepted, 20, `campaign ${campaignId}`);
      });
      await flushed(engine);
      await faulty.heal();
    }, { kv: faulty.asKv(), nowMs: server.nowMs });
    await server.placard.engine.tail.poll();
    assertEquals(await impressions(scene), 410);
  }));
