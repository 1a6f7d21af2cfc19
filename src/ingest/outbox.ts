/** Gathers what there is to tell the maker of chunks until it is told. */
import { joinedBytes } from "../event_store/mod.ts";
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
      bodies: joinedBytes(this.#bodies),
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
