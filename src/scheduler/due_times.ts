/** The earliest of many due times, one for each stream: a binary heap whose stale entries are skipped. */
export class DueTimes {
  readonly #heap: { atMs: number; stream: string }[] = [];
  readonly #current = new Map<string, number>();

  /** `null`: nothing is due for this stream. */
  set(stream: string, atMs: number | null): void {
    if (atMs === null) {
      this.#current.delete(stream);
      return;
    }
    if (this.#current.get(stream) === atMs) return;
    this.#current.set(stream, atMs);
    this.#push({ atMs, stream });
  }

  /** The earliest due time; null when nothing is due. */
  get next(): number | null {
    this.#dropStale();
    return this.#heap[0]?.atMs ?? null;
  }

  /** The streams due at `nowMs`, earliest first. They stay due until they are set anew. */
  due(nowMs: number): string[] {
    // A due time that was set, unset and set again stands in the heap twice.
    const due = new Map<string, { atMs: number; stream: string }>();
    for (let next = this.next; next !== null && next <= nowMs; next = this.next) {
      const top = this.#heap[0]!;
      this.#pop();
      due.set(top.stream, top);
    }
    for (const entry of due.values()) this.#push(entry);
    return [...due.keys()];
  }

  #dropStale(): void {
    while (this.#heap.length > 0) {
      const top = this.#heap[0]!;
      if (this.#current.get(top.stream) === top.atMs) return;
      this.#pop();
    }
  }

  #push(entry: { atMs: number; stream: string }): void {
    const heap = this.#heap;
    heap.push(entry);
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.atMs <= heap[child]!.atMs) break;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0;;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child;
      }
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }
}
