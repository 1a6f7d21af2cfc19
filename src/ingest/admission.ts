/**
 * Who may come in: bounds what requests of interactions take, before their bodies are read. Bodies on
 * their way count apart, since a slow client is no work yet. Requests beyond that are held for a
 * moment, unread, and come in one after another as there is room: whoever waits for an answer sends
 * nothing more. While some are held or refused and the thread is late all the same, ever fewer are let
 * in: a thread that cannot keep up makes everybody wait.
 */
import { OverloadedError } from "../event_store/mod.ts";
import { lookIntervalMs, watchLateness } from "./lateness.ts";

/** Bytes of bodies that are being read. */
export const readingBytesMax = 16 * 1024 * 1024;
/** Bytes of bodies that wait for their commit: about a tenth of a second's work. */
export const waitingBytesMax = 4 * 1024 * 1024;
/** As many may wait however late the thread is. */
export const roomBytesMin = 128 * 1024;
/** When it is later than this on average, too much is let in. */
export const lateMsMax = 2;
/** Requests that are held; beyond that they are refused at once. */
export const heldMax = 4_096;
/** A request is held no longer than this, and then refused. */
export const heldMsMax = 1_000;
/** So many of the held are let in or refused before everybody else gets a turn. */
export const heldPerLookMax = 32;
/** So many times it is looked how late the thread is before the room is set anew. */
export const looksPerRoom = 8;

export const tooMany = "too many interactions are waiting";

/** Told once, whether there is room now. One that is let in enters before it returns. */
type Held = (isLetIn: boolean) => void;

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
  /** In the order in which they came, with the time up to which each may be held. */
  readonly #held: { readonly untilMs: number; readonly told: Held }[] = [];
  /** By what the looks tell. */
  #timeMs = 0;

  get isFull(): boolean {
    return this.waitingBytes + this.#freshBytes >= this.roomBytes ||
      this.readingBytes >= readingBytesMax;
  }

  /** Whether whoever comes now has to wait: those who came before have their turn first. */
  get isWaitedFor(): boolean {
    return this.isFull || this.#held.length > 0;
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** Tells when there is room, or that it takes too long. */
  hold(told: Held): void {
    if (this.#held.length >= heldMax) return this.#refuse(told);
    this.#held.push({ untilMs: this.#timeMs + heldMsMax, told });
    this.#watch();
  }

  /** Throws when there is no room; `bytes` is what the body will have, as far as it is told. */
  enter(bytes: number): Place {
    if (this.isFull) {
      this.refused++;
      throw new OverloadedError(tooMany);
    }
    this.#watch();
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
    this.#timeMs += lookIntervalMs + lateMs;
    this.#freshBytes = 0;
    this.#lateMs += lateMs;
    if (this.#looks % looksPerRoom === 0) this.#setRoom();
    this.#attendHeld();
  }

  /** Holds nobody and looks no more, until somebody comes. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    for (const { told } of this.#held.splice(0)) this.#refuse(told);
  }

  #watch(): void {
    this.#unwatch ??= watchLateness((lateMs) => this.look(lateMs));
  }

  #setRoom(): void {
    const isLate = this.#lateMs > looksPerRoom * lateMsMax;
    if (!isLate) this.roomBytes = Math.min(waitingBytesMax, 1.1 * this.roomBytes);
    else if (this.refused > this.#refusedBefore || this.#held.length > 0) {
      this.roomBytes = Math.max(roomBytesMin, this.roomBytes / 2);
    }
    this.#lateMs = 0;
    this.#refusedBefore = this.refused;
    const isIdle = this.readingBytes + this.waitingBytes + this.#held.length === 0;
    if (isIdle && this.roomBytes === waitingBytesMax) this.close();
  }

  #attendHeld(): void {
    for (let count = 0; count < heldPerLookMax && this.#held.length > 0; count++) {
      const isOver = this.#held[0]!.untilMs <= this.#timeMs;
      if (this.isFull && !isOver) return;
      const { told } = this.#held.shift()!;
      if (this.isFull) this.#refuse(told);
      else told(true);
    }
  }

  #refuse(told: Held): void {
    this.refused++;
    told(false);
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
