/** Gathers what there is to tell the maker of chunks until it is told. */
import type { Numbered, RequestHead, Work } from "./maker_messages.ts";

export class Outbox {
  readonly again: number[] = [];
  readonly dropped: number[] = [];
  readonly numbers: Numbered[] = [];
  #heads: RequestHead[] = [];
  #bodies: Uint8Array[] = [];
  #chunksWanted = 0;

  get isEmpty(): boolean {
    return this.#heads.length === 0 && this.again.length === 0 && this.numbers.length === 0 &&
      this.dropped.length === 0 && this.#chunksWanted === 0;
  }

  get requestCount(): number {
    return this.#heads.length;
  }

  addRequest(head: RequestHead, body: Uint8Array): void {
    this.#heads.push(head);
    this.#bodies.push(body);
  }

  wantChunks(count: number): void {
    this.#chunksWanted += count;
  }

  take(rest: Pick<Work, "arrivedAtMs" | "campaigns" | "numberMemories">): Work {
    const work: Work = {
      ...rest,
      requests: this.#heads,
      bodies: joined(this.#bodies),
      again: this.again.splice(0),
      dropped: this.dropped.splice(0),
      numbers: this.numbers.splice(0),
      chunksWanted: this.#chunksWanted,
    };
    this.#heads = [];
    this.#bodies = [];
    this.#chunksWanted = 0;
    return work;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
