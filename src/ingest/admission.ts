/**
 * Who may come in: bounds what requests of interactions take in memory, before their bodies are read.
 * Bodies on their way count apart, since a slow client is no work yet.
 */
import { OverloadedError } from "../event_store/mod.ts";

/** Bytes of bodies that are being read. */
export const readingBytesMax = 16 * 1024 * 1024;
/** Bytes of bodies that wait for their commit: about a tenth of a second's work. */
export const waitingBytesMax = 4 * 1024 * 1024;

export const tooMany = "too many interactions are waiting";

export class Admission {
  /** Requests that were told to come back. */
  refused = 0;
  readingBytes = 0;
  waitingBytes = 0;

  get isFull(): boolean {
    return this.waitingBytes >= waitingBytesMax || this.readingBytes >= readingBytesMax;
  }

  /** Throws when there is no room; `bytes` is what the body will have, as far as it is told. */
  enter(bytes: number): Place {
    if (this.isFull) {
      this.refused++;
      throw new OverloadedError(tooMany);
    }
    return new Place(this, bytes);
  }
}

/** A request that was let in; it must leave. */
export class Place {
  #reading: number;
  #waiting = 0;

  constructor(readonly admission: Admission, bytes: number) {
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
    this.admission.readingBytes -= this.#reading;
    this.admission.waitingBytes -= this.#waiting;
    this.#reading = this.#waiting = 0;
  }
}
