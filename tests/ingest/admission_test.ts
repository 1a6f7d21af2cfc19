/** Who may come in: less and less while the thread is late and refuses, and all of it again later. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Admission,
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
