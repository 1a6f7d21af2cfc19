/**
 * A Deno.Kv that goes wrong on purpose, over a real one. Faults come at random from a seed, or are
 * scripted one by one; what is stored is always what the real one stores. Nothing here asks for the
 * time or for chance, so the same seed and the same calls give the same faults.
 */

/**
 * - `throw before`: nothing is done, the caller gets an error.
 * - `throw after`: it is done, the caller gets an error: the reply was lost.
 * - `busy`: nothing is done; the error is SQLite's under two writers.
 * - `late`: the caller gets an error, and it is done some calls later, as by a slow network.
 * - `resend`: done, the reply lost, and sent again as KV Connect does: a commit with a check on what
 *   it writes is told of a conflict with itself.
 */
export type Fault = "throw before" | "throw after" | "busy" | "late" | "resend";
export type Method = "get" | "getMany" | "list" | "commit" | "set" | "delete";

export interface FaultyKvOptions {
  readonly seed?: number;
  /** Probability of each fault for one call; `late` and `resend` happen to commits only. */
  readonly faults?: Partial<Record<Fault, number>>;
  /** Probability that a call waits, and for how long at most. */
  readonly delay?: number;
  readonly delayMsMax?: number;
  /** Probabilities that a watcher is not told of a change, or only with the next one. */
  readonly watchNever?: number;
  readonly watchLate?: number;
}

/** What a scripted fault waits for. */
export interface FaultScript {
  readonly method?: Method;
  /** Only commits that set a key with this prefix. */
  readonly setsPrefix?: Deno.KvKey;
  /** So many matching calls go well before; 0 where missing. */
  readonly skip?: number;
  /** So many matching calls get the fault; 1 where missing. */
  readonly times?: number;
}

/** A call that has been stopped on its way to the store. */
export interface Held {
  /** Resolves when the call has arrived. */
  readonly arrived: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

type Change = (operation: Deno.AtomicOperation) => Deno.AtomicOperation;

interface Script {
  readonly matches: (method: Method, setKeys: readonly Deno.KvKey[]) => boolean;
  readonly effect: Fault | (() => Promise<void>);
  skip: number;
  times: number;
}

export class FaultyKv {
  /** Calls so far, those with a fault included. */
  readonly calls: Record<Method, number> = {
    get: 0,
    getMany: 0,
    list: 0,
    commit: 0,
    set: 0,
    delete: 0,
  };
  faultCount = 0;
  readonly #inner: Deno.Kv;
  readonly #options: FaultyKvOptions;
  readonly #random: () => number;
  #healed = false;
  readonly #scripts: Script[] = [];
  /** Commits that were reported as failed and are still on their way. */
  readonly #late: { callsToGo: number; run(): Promise<unknown> }[] = [];

  constructor(inner: Deno.Kv, options: FaultyKvOptions = {}) {
    this.#inner = inner;
    this.#options = options;
    this.#random = mulberry32(options.seed ?? 1);
  }

  /** As the type that the code under test takes. */
  asKv(): Deno.Kv {
    return this as unknown as Deno.Kv;
  }

  fail(fault: Fault, script: FaultScript = {}): void {
    if (script.times === 0) return;
    this.#scripts.push({
      matches: matcher(script),
      effect: fault,
      skip: script.skip ?? 0,
      times: script.times ?? 1,
    });
  }

  /** Stops the next matching call before it reaches the store. */
  hold(script: FaultScript = {}): Held {
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#scripts.push({
      matches: matcher(script),
      effect: () => {
        arrived.resolve();
        return released.promise;
      },
      skip: script.skip ?? 0,
      times: 1,
    });
    return { arrived: arrived.promise, release: released.resolve };
  }

  /** Ends the scripted faults. */
  restore(): void {
    this.#scripts.length = 0;
  }

  /** Ends every fault, scripted or random, and lets commits arrive that are still on their way. */
  async heal(): Promise<void> {
    this.#scripts.length = 0;
    this.#healed = true;
    for (const late of this.#late.splice(0)) await late.run();
  }

  async get<T = unknown>(
    key: Deno.KvKey,
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<Deno.KvEntryMaybe<T>> {
    return await this.#call("get", [], () => this.#inner.get<T>(key, options));
  }

  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    return await this.#call("getMany", [], () => this.#inner.getMany<T>(keys, options));
  }

  async set(
    key: Deno.KvKey,
    value: unknown,
    options?: { expireIn?: number },
  ): Promise<Deno.KvCommitResult> {
    return await this.#call("set", [key], () => this.#inner.set(key, value, options));
  }

  async delete(key: Deno.KvKey): Promise<void> {
    await this.#call("delete", [], () => this.#inner.delete(key));
  }

  list<T = unknown>(
    selector: Deno.KvListSelector,
    options?: Deno.KvListOptions,
  ): Deno.KvListIterator<T> {
    return this.#list<T>(selector, options) as unknown as Deno.KvListIterator<T>;
  }

  atomic(): Deno.AtomicOperation {
    return new FaultyOperation((changes, setKeys) => this.#commit(changes, setKeys)).asOperation();
  }

  commitVersionstamp(): symbol {
    return this.#inner.commitVersionstamp();
  }

  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { raw?: boolean },
  ): ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    type Entries = { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
    let withheld: Entries | null = null;
    return this.#inner.watch<T>(keys, options).pipeThrough(
      new TransformStream<Entries, Entries>({
        transform: (entries, controller) => {
          if (this.#chance(this.#options.watchNever)) return;
          if (this.#chance(this.#options.watchLate)) {
            withheld = entries;
            return;
          }
          if (withheld) controller.enqueue(withheld);
          withheld = null;
          controller.enqueue(entries);
        },
      }),
    );
  }

  close(): void {
    this.#inner.close();
  }

  async #commit(
    changes: readonly Change[],
    setKeys: readonly Deno.KvKey[],
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const send = () => {
      let operation = this.#inner.atomic();
      for (const change of changes) operation = change(operation);
      return operation.commit();
    };
    return await this.#call("commit", setKeys, send);
  }

  async *#list<T>(
    selector: Deno.KvListSelector,
    options?: Deno.KvListOptions,
  ): AsyncGenerator<Deno.KvEntry<T>> {
    const fault = await this.#arrive("list", []);
    if (fault && fault !== "throw after") throw fail(fault);
    // A list that breaks later has given its first entry.
    for await (const entry of this.#inner.list<T>(selector, options)) {
      yield entry;
      if (fault) throw fail(fault);
    }
    if (fault) throw fail(fault);
  }

  async #call<T>(
    method: Method,
    setKeys: readonly Deno.KvKey[],
    send: () => Promise<T>,
  ): Promise<T> {
    const fault = await this.#arrive(method, setKeys);
    switch (fault) {
      case null:
        return await send();
      case "throw after":
        await send();
        throw fail(fault);
      case "resend":
        await send();
        return await send();
      case "late":
        this.#late.push({ callsToGo: 1 + Math.floor(this.#random() * 4), run: send });
        throw fail(fault);
      case "throw before":
      case "busy":
        throw fail(fault);
    }
  }

  /** What happens to a call on its way; null: nothing. */
  async #arrive(method: Method, setKeys: readonly Deno.KvKey[]): Promise<Fault | null> {
    this.calls[method]++;
    for (const late of [...this.#late]) {
      if (--late.callsToGo > 0) continue;
      this.#late.splice(this.#late.indexOf(late), 1);
      await late.run();
    }
    const scripted = this.#scripts.find((script) => script.matches(method, setKeys));
    if (scripted) {
      if (scripted.skip > 0) scripted.skip--;
      else {
        if (--scripted.times === 0) this.#scripts.splice(this.#scripts.indexOf(scripted), 1);
        if (typeof scripted.effect !== "string") {
          await scripted.effect();
          return null;
        }
        this.faultCount++;
        return scripted.effect;
      }
    }
    if (this.#chance(this.#options.delay)) {
      await sleep(this.#random() * (this.#options.delayMsMax ?? 2));
    }
    const fault = this.#randomFault(method);
    if (fault) this.faultCount++;
    return fault;
  }

  #randomFault(method: Method): Fault | null {
    if (this.#healed) return null;
    for (const [fault, probability] of Object.entries(this.#options.faults ?? {})) {
      if (!this.#chance(probability)) continue;
      if ((fault === "late" || fault === "resend") && method !== "commit") return "throw before";
      return fault as Fault;
    }
    return null;
  }

  #chance(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && this.#random() < probability;
  }
}

/** Keeps what is added to it, so that it can be sent more than once. */
class FaultyOperation {
  readonly #changes: Change[] = [];
  readonly #setKeys: Deno.KvKey[] = [];

  constructor(
    readonly send: (
      changes: readonly Change[],
      setKeys: readonly Deno.KvKey[],
    ) => Promise<Deno.KvCommitResult | Deno.KvCommitError>,
  ) {}

  asOperation(): Deno.AtomicOperation {
    return this as unknown as Deno.AtomicOperation;
  }

  check(...checks: Deno.AtomicCheck[]): this {
    this.#changes.push((operation) => operation.check(...checks));
    return this;
  }

  set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): this {
    this.#setKeys.push(key);
    this.#changes.push((operation) => operation.set(key, value, options));
    return this;
  }

  delete(key: Deno.KvKey): this {
    this.#changes.push((operation) => operation.delete(key));
    return this;
  }

  commit(): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    return this.send(this.#changes, this.#setKeys);
  }
}

function matcher({ method, setsPrefix }: FaultScript): Script["matches"] {
  return (called, setKeys) => {
    if (method !== undefined && called !== method) return false;
    if (!setsPrefix) return true;
    return setKeys.some((key) => setsPrefix.every((part, index) => key[index] === part));
  };
}

function fail(fault: Fault): Error {
  // As Deno does it: a TypeError.
  if (fault === "busy") return new TypeError("database is locked");
  return new Error(`the store failed (${fault})`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A small generator of numbers in [0, 1) from a seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
