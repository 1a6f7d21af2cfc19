/** The newest events in memory: bounded, complete from a known position on, and only while asked for. */
import { assert, assertEquals } from "@std/assert";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { formatPosition, logStart, type Tail } from "../../src/event_store/mod.ts";
import { EventFeed } from "../../src/http/mod.ts";

class FakeTail {
  cursor = { position: logStart, timeMs: 0 };
  folds: ((events: readonly RecordedEvent[]) => void)[] = [];
  #next = 1n;

  subscribe(fold: (events: readonly RecordedEvent[]) => void): void {
    this.folds.push(fold);
  }

  /** Appends events with lines of this length; gives their positions. */
  append(count: number, length: number): string[] {
    const versionstamp = (this.#next++).toString(16).padStart(20, "0");
    const events = Array.from({ length: count }, (_, index) => ({
      position: formatPosition(1, versionstamp, index),
      stream: "campaign/a",
      version: 1,
      timeMs: 0,
      meta: { actor: "clock", commandId: "c", traceId: "t" },
      event: { type: "campaign_edited", schema: 1, data: {} },
      hash: "",
      line: () => "x".repeat(length),
    }));
    for (const fold of this.folds) fold(events);
    this.cursor = { position: events.at(-1)!.position, timeMs: 0 };
    return events.map(({ position }) => position);
  }
}

function feedOf(tail: FakeTail): EventFeed {
  return new EventFeed(tail as unknown as Tail, () => () => {});
}

Deno.test("nothing is kept while nobody follows, everything since somebody does", () => {
  const tail = new FakeTail();
  const feed = feedOf(tail);
  tail.append(3, 10);
  assertEquals(feed.newEvents(logStart), null);
  const reading = feed.follow(false)!;
  assertEquals(feed.newEvents(tail.cursor.position), null);
  const follower = feed.follow(true)!;
  const begun = tail.cursor.position;
  assertEquals(feed.newEvents(begun), []);
  assertEquals(feed.newEvents(logStart), null);
  const positions = [...tail.append(2, 10), ...tail.append(1, 10)];
  const after = (position: string) => feed.newEvents(position)?.map((one) => one.position);
  assertEquals(after(begun), positions);
  assertEquals(after(positions[0]!), positions.slice(1));
  assertEquals(after(positions[2]!), []);
  assertEquals(after("ffff-ffffffffffffffffffff-ffff"), []);
  follower.leave();
  follower.leave();
  assertEquals(feed.newEvents(begun), null);
  assertEquals(feed.openCount, 1);
  reading.leave();
  assertEquals(feed.openCount, 0);
});

Deno.test("what is kept is bounded; whoever is behind it has to read the store", () => {
  const tail = new FakeTail();
  const feed = feedOf(tail);
  const follower = feed.follow(true)!;
  const positions: string[] = [];
  let keptMax = 0;
  for (let row = 0; row < 500; row++) {
    positions.push(...tail.append(10, 1_000));
    const oldest = positions.findIndex((position) => feed.newEvents(position) !== null);
    keptMax = Math.max(keptMax, positions.length - oldest);
    // From there on it is all there, a part at a time.
    const events = feed.newEvents(positions[oldest]!)!;
    assertEquals(
      events.map(({ position }) => position),
      positions.slice(oldest + 1, oldest + 1 + events.length),
    );
    assert(events.length <= 100);
  }
  assert(keptMax <= 2_100);
  assertEquals(feed.newEvents(positions[0]!), null);
  follower.leave();
});

Deno.test("a follower that waits is woken by events, by the heart, and by its leaving", async () => {
  const tail = new FakeTail();
  let beat = () => {};
  const feed = new EventFeed(tail as unknown as Tail, (_everyMs, callback) => {
    beat = callback;
    return () => {};
  });
  const follower = feed.follow(true)!;
  const first = follower.wait();
  tail.append(1, 10);
  assertEquals(await first, "events");
  const second = follower.wait();
  beat();
  assertEquals(await second, "heartbeat");
  const third = follower.wait();
  feed.close();
  assertEquals(await third, "ended");
  assertEquals(await follower.wait(), "ended");
  assertEquals([follower.hasLeft, feed.openCount, feed.follow(true)], [true, 0, null]);
});
