/**
 * Who may come in, and who waits for it: less and less while the thread is late and turns somebody
 * away, and all of it again later.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Admission,
  heldMax,
  heldMsMax,
  heldPerLookMax,
  lateMsMax,
  looksPerRoom,
  readingBytesMax,
  roomBytesMin,
  waitingBytesMax,
} from "../../src/ingest/admission.ts";
import { OverloadedError } from "../../src/event_store/mod.ts";

function looks(admission: Admission, lateMs: number, rooms = 1): void {
  for (let count = 0; count < rooms * looksPerRoom; count++) admission.look(lateMs);
}

/** Enters, and its body is there at once. */
function waiting(admission: Admission, bytes: number) {
  const place = admission.enter(bytes);
  place.bodyRead(bytes);
  return place;
}

Deno.test("admission: late alone is no reason to let in less; late and refusing is", () => {
  const admission = new Admission();
  const place = waiting(admission, waitingBytesMax - 1);
  looks(admission, 10 * lateMsMax);
  assertEquals(admission.roomBytes, waitingBytesMax);
  const last = waiting(admission, 1);
  assertThrows(() => admission.enter(1), OverloadedError);
  looks(admission, lateMsMax);
  assertEquals(admission.roomBytes, waitingBytesMax);
  assertThrows(() => admission.enter(1), OverloadedError);
  looks(admission, lateMsMax + 1);
  assertEquals(admission.roomBytes, waitingBytesMax / 2);
  last.leave();
  // What waits is still more than that.
  assert(admission.isFull);
  place.leave();
  assert(!admission.isFull);
  admission.close();
});

Deno.test("admission: there is always some room, and in time all of it", () => {
  const admission = new Admission();
  const place = waiting(admission, waitingBytesMax);
  for (let room = 0; room < 40; room++) {
    assertThrows(() => admission.enter(1), OverloadedError);
    looks(admission, 2 * lateMsMax);
  }
  assertEquals(admission.roomBytes, roomBytesMin);
  place.leave();
  const one = waiting(admission, 1);
  assert(!admission.isFull);
  looks(admission, 0, 60);
  assertEquals(admission.roomBytes, waitingBytesMax);
  one.leave();
  looks(admission, 0);
});

Deno.test("admission: bodies that have just begun to come count until it is looked again", () => {
  const admission = new Admission();
  const slow = admission.enter(waitingBytesMax);
  assert(admission.isFull);
  // Those that are still not there are slow: they keep nobody out.
  admission.look(0);
  assert(!admission.isFull);
  const fast = admission.enter(waitingBytesMax);
  assert(admission.isFull);
  fast.leave();
  assert(!admission.isFull);
  slow.leave();
  const many = Array.from(
    { length: readingBytesMax / waitingBytesMax },
    () => {
      admission.look(0);
      return admission.enter(waitingBytesMax);
    },
  );
  admission.look(0);
  assert(admission.isFull);
  for (const place of many) place.leave();
  assertEquals([admission.readingBytes, admission.waitingBytes], [0, 0]);
  assert(!admission.isFull);
  admission.close();
});

/** Holds so many; gives the numbers of those that were told, as they are told. */
function hold(admission: Admission, count: number, letIn: (number: number) => void = () => {}) {
  const told = { letIn: [] as number[], refused: [] as number[] };
  for (let number = 0; number < count; number++) {
    admission.hold((isLetIn) => {
      (isLetIn ? told.letIn : told.refused).push(number);
      if (isLetIn) letIn(number);
    });
  }
  return told;
}

Deno.test("admission: whoever is held comes in as there is room, in turn", () => {
  const admission = new Admission();
  const full = waiting(admission, waitingBytesMax);
  const half = waitingBytesMax / 2;
  const told = hold(admission, 5, () => waiting(admission, half));
  admission.look(0);
  assertEquals([told.letIn, admission.heldCount], [[], 5]);
  full.leave();
  // There is room, but not for those who come after them.
  assert(!admission.isFull && admission.isWaitedFor);
  admission.look(0);
  assertEquals([told.letIn, admission.heldCount], [[0, 1], 3]);
  assert(admission.isFull);
  admission.close();
  assertEquals([told.letIn, told.refused, admission.refused], [[0, 1], [2, 3, 4], 3]);
});

Deno.test("admission: one that was held too long is refused, unless there is room just then", () => {
  const admission = new Admission();
  const place = waiting(admission, waitingBytesMax);
  const early = hold(admission, 2);
  admission.look(heldMsMax / 2);
  const late = hold(admission, 1);
  admission.look(heldMsMax / 2);
  assertEquals([early.refused, late.refused, admission.refused], [[0, 1], [], 2]);
  place.leave();
  admission.look(heldMsMax);
  assertEquals([late.letIn, late.refused], [[0], []]);
  admission.close();
});

Deno.test("admission: only so many are held, and so many told at a time", () => {
  const admission = new Admission();
  const place = waiting(admission, waitingBytesMax);
  const told = hold(admission, heldMax + 1);
  assertEquals([told.refused, admission.heldCount], [[heldMax], heldMax]);
  admission.look(heldMsMax);
  assertEquals(told.refused.length, 1 + heldPerLookMax);
  place.leave();
  admission.look(0);
  assertEquals(told.letIn.length, heldPerLookMax);
  admission.close();
  assertEquals(told.letIn.length + told.refused.length, heldMax + 1);
});

Deno.test("admission: late and holding is a reason to let in less", () => {
  const admission = new Admission();
  const place = waiting(admission, waitingBytesMax);
  hold(admission, 1);
  looks(admission, lateMsMax + 1);
  assertEquals(admission.roomBytes, waitingBytesMax / 2);
  place.leave();
  admission.close();
});
