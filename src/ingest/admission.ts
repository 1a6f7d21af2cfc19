/**
 * Who may come in: bounds what requests of interactions take, before their bodies are read. Bodies on
 * their way count apart, since a slow client is no work yet. While requests are refused and the thread
 * is late all the same, ever fewer are let in: a thread that cannot keep up makes everybody wait, and
 * refusing is cheap.
 */
import { OverloadedError } from "../event_store/mod.ts";
import { watchLateness } from "./lateness.ts";

/** Bytes of bodies that are being read. */
export const readingBytesMax = 16 * 1024 * 1024;
/** Bytes of bodies that wait for their commit: about a tenth of a second's work. */
export const waitingBytesMax = 4 * 1024 * 1024;
/** As many may wait however late the thread is. */
export const roomBytesMin = 128 * 1024;
/** When it is later than this on average, too much is let in. */
export const lateMsMax = 2;
/** So many times it is looked how late the thread is before the room is set anew. */
export const looksPerRoom = 8;

export const tooMany = "too many interactions are waiting";

export class Admission {
  /** Requests that were told to come back. */
  refused = 0;
  readingBytes = 0;
  waitingBytes = 0;
  /** Bytes that may wait now. */
  roomBytes = waitingBytesMax;
  #looks = 0;
  /** Bytes let in since the last look: most of these bodies are there and will be work at once. */
  #freshBytes = 0;
  /** Summed up since the room was set. */
  #lateMs = 0;
  #refusedBefore = 0;
  #unwatch: (() => void) | null = null;

  get isFull(): boolean {
    return this.waitingBytes + this.#freshBytes >= this.roomBytes ||
      this.readingBytes >= readingBytesMax;
  }

  /** Throws when there is no room; `bytes` is what the body will have, as far as it is told. */
  enter(bytes: number): Place {
    if (this.isFull) {
      this.refused++;
      throw new OverloadedError(tooMany);
    }
    this.#unwatch ??= watchLateness((lateMs) => this.look(lateMs));
    this.#freshBytes += bytes;
    return new Place(this, bytes, this.#looks);
  }

  /** The bodies that entered at that time are not on their way any more. */
  forgetFresh(bytes: number, looks: number): void {
    if (looks === this.#looks) this.#freshBytes -= bytes;
  }

  /** Told from time to time how late the thread is. */
  look(lateMs: number): void {
    this.#looks++;
    this.#freshBytes = 0;
    this.#lateMs += lateMs;
    if (this.#looks % looksPerRoom !== 0) return;
    const isLate = this.#lateMs > looksPerRoom * lateMsMax;
    if (!isLate) this.roomBytes = Math.min(waitingBytesMax, 1.1 * this.roomBytes);
    else if (this.refused > this.#refusedBefore) {
      this.roomBytes = Math.max(roomBytesMin, this.roomBytes / 2);
    }
    this.#lateMs = 0;
    this.#refusedBefore = this.refused;
    const isIdle = this.readingBytes + this.waitingBytes === 0;
    if (isIdle && this.roomBytes === waitingBytesMax) this.close();
  }

  /** Looks no more, until somebody enters. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
  }
}

/** A request that was let in; it must leave. */
export class Place {
  #reading: number;
  #waiting = 0;

  constructor(readonly admission: Admission, bytes: number, readonly looks: number) {
    this.#reading = bytes;
    admission.readingBytes += bytes;
  }

  /** Its body is there and takes so much. */
  bodyRead(bytes: number): void {
    this.leave();
    this.#waiting = bytes;
    this.admission.waitingBytes += bytes;
  }

  leave(): void {
    if (this.#reading > 0) this.admission.forgetFresh(this.#reading, this.looks);
    this.admission.readingBytes -= this.#reading;
    this.admission.waitingBytes -= this.#waiting;
    this.#reading = this.#waiting = 0;
  }
}
