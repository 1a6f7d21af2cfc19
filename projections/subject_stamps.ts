/** A number for each subject that changes whenever anything is recorded of it. */
import type { SubjectKind } from "../events/profile_events.ts";

const pageShift = 12;
const pageSize = 1 << pageShift;

export class SubjectStamps {
  #last = 0;
  readonly #pages: Record<SubjectKind, (Uint32Array | undefined)[]> = { device: [], user: [] };

  bump(kind: SubjectKind, number: number): void {
    const pages = this.#pages[kind];
    const page = pages[number >>> pageShift] ??= new Uint32Array(pageSize);
    this.#last = (this.#last + 1) >>> 0;
    page[number & (pageSize - 1)] = this.#last;
  }

  /** 0 for one of whom nothing is recorded. */
  of(kind: SubjectKind, number: number): number {
    return this.#pages[kind][number >>> pageShift]?.[number & (pageSize - 1)] ?? 0;
  }
}
