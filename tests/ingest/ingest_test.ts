/** Interactions on their way into the log: shared chunks, spills, and answers that are remembered. */
import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import { keys, rememberedAnswer } from "../../src/event_store/mod.ts";
import { answersPerTurnMax } from "../../src/ingest/ingest.ts";
import { type Interaction, makerOnThread } from "../../src/ingest/mod.ts";
import { atOnce, bodyOf, chunks, countOf, impressions, type Scene, withScene } from "./scene.ts";

const chunkItemsMax = 4_000;

/** Each test twice: with the maker of chunks in this thread, and on its own. */
function eachMaker(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test(`ingest: ${name}`, () => withScene(body));
  Deno.test(`ingest, on a thread: ${name}`, () => withScene(body, { openMaker: makerOnThread }));
}

eachMaker("concurrent requests share a chunk, and each gets its position", async (scene) => {
  const { ingest, items } = scene;
  await ingest.receive(bodyOf(items(1)));
  const answers = await atOnce(300, (nth) => ingest.receive(bodyOf(items(3, nth * 3))));
  const events = await chunks(scene);
  assert(events.length <= 5, `${events.length} rows for 300 requests`);
  assertEquals(events.slice(1).reduce((sum, event) => sum + countOf(event), 0), 900);
  const positions = new Set(events.map(({ position }) => position));
  for (const { accepted, rejected, position } of answers) {
    assertEquals([accepted, rejected, positions.has(position)], [3, [], true]);
  }
  assertEquals(await impressions(scene), 900);
});

eachMaker("requests that come while a chunk is committed share the next", async (scene) => {
  const { ingest, items, kv } = scene;
  await ingest.receive(bodyOf(items(50)));
  const held = kv.hold({ method: "commit", setsPrefix: keys.bodyPrefix() });
  const first = ingest.receive(bodyOf(items(1, 50)));
  await held.arrived;
  const more = atOnce(100, (nth) => ingest.receive(bodyOf(items(1, 51 + nth))));
  await Promise.resolve();
  held.release();
  const { position } = await first;
  const positions = new Set((await more).map(({ position }) => position));
  assert(!positions.has(position));
  // The next is made meanwhile, of what is there; the rest shares the one after it.
  assertEquals((await chunks(scene)).map(countOf), [50, 1, 1, 99]);
  assertEquals([...positions].length, 2);
});

eachMaker("more than a chunk takes goes into the next", async (scene) => {
  const { ingest, items } = scene;
  await ingest.receive(bodyOf(items(50)));
  await atOnce(19, (nth) => ingest.receive(bodyOf(items(1_000, nth * 1_000))));
  const counts = (await chunks(scene)).slice(1).map(countOf);
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 19_000);
  assert(counts.every((count) => count <= chunkItemsMax), `${counts}`);
  assert(counts.length >= 5 && counts.length <= 8, `${counts}`);
  assertEquals(await impressions(scene), 19_000);
});

eachMaker(
  "what is rejected is told by index; nothing accepted, nothing appended",
  async (scene) => {
    const { ingest, items, server } = scene;
    const [good, other] = items(2) as [Interaction, Interaction];
    const bad = { ...other, campaignId: "none" };
    const mixed = await ingest.receive(bodyOf([bad, 7, good, { ...other, kind: "event" }]));
    assertEquals(mixed.accepted, 1);
    assertEquals(mixed.rejected.map(({ index, code }) => [index, code]), [
      [0, "unknown_campaign"],
      [1, "invalid"],
      [3, "invalid"],
    ]);
    const none = await ingest.receive(bodyOf([bad, { id: "" }]));
    assertEquals([none.accepted, none.position], [0, server.placard.engine.tail.cursor.position]);
    assertEquals((await chunks(scene)).length, 1);
  },
);

eachMaker("under a key, answer and interactions are stored together, once", async (scene) => {
  const { ingest, items, plain, kv } = scene;
  const remember = (key: string) => (answer: unknown) => ({
    scope: "s",
    key,
    requestHash: "h",
    answer,
  });
  const answers = await atOnce(
    5,
    () => ingest.receiveOnce(bodyOf(items(3)), "identity", remember("k")),
  );
  const given = answers.filter((answer) => answer !== null);
  assertEquals(given.length, 1);
  const stored = (await rememberedAnswer(plain, "s", "k"))!;
  assertEquals(stored.answer, { accepted: 3, rejected: [] });
  assertEquals(stored.position, given[0]!.position);
  for (const fault of ["throw after", "resend", "late", "throw before", "busy"] as const) {
    kv.fail(fault, { method: "commit", setsPrefix: keys.commandPrefix() });
    const answer = await ingest.receiveOnce(bodyOf(items(1, 3)), "identity", remember(fault));
    await kv.heal();
    const { position } = (await rememberedAnswer(plain, "s", fault))!;
    assertEquals(answer, { accepted: 1, rejected: [], position });
  }
  // Nothing but an answer: no row of the log.
  const bad = items(1).map((item) => ({ ...item, campaignId: "none" }));
  assertEquals((await ingest.receiveOnce(bodyOf(bad), "identity", remember("bad")))!.accepted, 0);
  assertEquals((await chunks(scene)).map(countOf), [3, 1, 1, 1, 1, 1]);
  assertEquals(await impressions(scene), 4);
});

Deno.test("ingest: whoever waits for a large chunk is answered in turns, others between", () =>
  withScene(async ({ ingest, items, kv }) => {
    await ingest.receive(bodyOf(items(50)));
    const held = kv.hold({ method: "commit", setsPrefix: keys.bodyPrefix() });
    let turn = 0, isOver = false;
    const answersOfTurn = new Map<number, number>();
    const answers = items(600, 50).map(async (item) => {
      assertEquals((await ingest.receive(bodyOf([item]))).accepted, 1);
      answersOfTurn.set(turn, (answersOfTurn.get(turn) ?? 0) + 1);
    });
    await held.arrived;
    const nextTurn = () => {
      turn++;
      if (!isOver) setImmediate(nextTurn);
    };
    nextTurn();
    held.release();
    await Promise.all(answers);
    isOver = true;
    // Those of two chunks may meet.
    assert(Math.max(...answersOfTurn.values()) <= 2 * answersPerTurnMax);
  }));
