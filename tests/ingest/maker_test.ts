/** A maker of chunks that fails: what it held is told to be lost, and the next one goes on. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { keys, StoreUnavailableError } from "../../src/event_store/mod.ts";
import { makerInProcess, makerOnThread, type OpenMaker } from "../../src/ingest/mod.ts";
import { bodyOf, chunks, countOf, impressions, withScene } from "./scene.ts";

/** Makers of one kind; what they are told can be kept from them or spoilt. */
function tampered(open: OpenMaker) {
  const state = {
    opened: 0,
    holds: false,
    spoils: false,
    bugs: [] as unknown[],
    fail: (_error: Error) => {},
  };
  const openMaker: OpenMaker = (listener) => {
    state.opened++;
    state.fail = (error) => listener.failed(error);
    const channel = open(listener);
    return {
      close: channel.close,
      post: (work) => {
        if (state.holds) return;
        // No list: whoever goes through it fails.
        channel.post(state.spoils ? { ...work, requests: 7 as never } : work);
      },
    };
  };
  return { state, options: { openMaker, onBug: (bug: unknown) => void state.bugs.push(bug) } };
}

Deno.test("maker: the thread fails; its requests are told, the next thread takes the next ones", async () => {
  const { state, options } = tampered(makerOnThread);
  await withScene(async (scene) => {
    const { ingest, items } = scene;
    await ingest.receive(bodyOf(items(2)));
    for (const round of [1, 2]) {
      state.spoils = true;
      await assertRejects(() => ingest.receive(bodyOf(items(5))), StoreUnavailableError);
      state.spoils = false;
      assertEquals((await ingest.receive(bodyOf(items(5)))).accepted, 5);
      assertEquals([state.opened, state.bugs.length], [1 + round, round]);
    }
    assertEquals(await impressions(scene), 5);
    assertEquals([ingest.waitingRequests, ingest.waitingItems], [0, 0]);
  }, options);
});

Deno.test("maker: what is on its way to disk when it fails is stored and answered", async () => {
  const { state, options } = tampered(makerInProcess);
  await withScene(async (scene) => {
    const { ingest, items, kv } = scene;
    await ingest.receive(bodyOf(items(1)));
    const held = kv.hold({ method: "commit", setsPrefix: keys.bodyPrefix() });
    const first = ingest.receive(bodyOf(items(2, 1)));
    await held.arrived;
    state.holds = true;
    const lost = ingest.receive(bodyOf(items(4, 10)));
    const isLost = assertRejects(() => lost, StoreUnavailableError);
    state.fail(new Error("gone"));
    state.holds = false;
    await isLost;
    const next = ingest.receive(bodyOf(items(3, 20)));
    held.release();
    assertEquals([(await first).accepted, (await next).accepted], [2, 3]);
    // Fresh makers may have as many chunks under way as the first.
    for (let nth = 0; nth < 5; nth++) await ingest.receive(bodyOf(items(1, 30 + nth)));
    assertEquals((await chunks(scene)).map(countOf), [1, 2, 3, 1, 1, 1, 1, 1]);
    assert(state.bugs.length === 1);
  }, options);
});

Deno.test("maker: one that is closed is told nothing more, and no request is left", async () => {
  const { state, options } = tampered(makerOnThread);
  await withScene(async ({ ingest, items, server }) => {
    const answers = Array.from({ length: 20 }, (_, nth) => ingest.receive(bodyOf(items(3, nth))));
    await server.placard.engine.ingest.idle();
    assertEquals(ingest.waitingRequests, 0);
    for (const { accepted } of await Promise.all(answers)) assertEquals(accepted, 3);
  }, options);
  assertEquals(state.opened, 1);
});
