/**
 * Interactions in bulk → the log. This side has the store and the requests; what costs time, reading
 * and judging them and making chunks, is done by a maker that may be another thread (`ChunkMaker`).
 * A request is answered when its chunk is on disk. Counting, and telling which are repeated, is the
 * KPI projection's: it sees one order.
 */
import { setImmediate } from "node:timers";
import type { EventMeta } from "../../events/recorded_event.ts";
import {
  type BodyWriter,
  type RememberOnce,
  StoreUnavailableError,
  type Tail,
} from "../event_store/mod.ts";
import type { IdentityKind, IdentityRegister } from "../identity/mod.ts";
import { Admission } from "./admission.ts";
import { BatchError, type Coding, type Rejected } from "./batch.ts";
import type { CampaignFacts } from "./campaign_facts.ts";
import { KnownCampaigns } from "./known_campaigns.ts";
import type { MakerChannel, OpenMaker } from "./maker_channel.ts";
import type { Answer, Fault, Made, MadeChunk, Unknown } from "./maker_messages.ts";
import { Outbox } from "./outbox.ts";

/** Chunks that are made or committed at one time: the next is made while one is on its way to disk. */
const chunksUnderWayMax = 2;
/** A maker that has work is told more only when so many requests have gathered: a message costs. */
const gatheredMin = 16;
/** So many requests are answered before everybody else gets a turn: a chunk may hold thousands. */
export const answersPerTurnMax = 64;

export interface Received {
  readonly accepted: number;
  readonly rejected: readonly Rejected[];
  readonly position: string;
}

export interface IngestOptions {
  readonly bodies: BodyWriter;
  readonly tail: Tail;
  readonly identities: IdentityRegister;
  readonly openMaker: OpenMaker;
  /** Undefined for a campaign that does not exist. */
  campaign(campaignId: string): CampaignFacts | undefined;
  nowMs(): number;
  newId(): string;
  /** Told when the maker fails; the next request opens another one. */
  onFailure(error: Error): void;
}

interface Waiting {
  readonly remember: ((received: Omit<Received, "position">) => RememberOnce) | null;
  resolve(received: Received | null): void;
  reject(error: Error): void;
}

export class Ingest {
  /** Requests pass it before their bodies are read. */
  readonly admission = new Admission();
  readonly #options: IngestOptions;
  readonly #campaigns: KnownCampaigns;
  readonly #waiting = new Map<number, Waiting>();
  /** Those of them whose chunk is on its way to disk. */
  readonly #committing = new Set<number>();
  #requests = 0;
  #waitingItems = 0;
  #maker: MakerChannel | null = null;
  #outbox = new Outbox();
  #messagesUnderWay = 0;
  readonly #memories: Record<IdentityKind, SharedArrayBuffer | null> = { device: null, user: null };
  #whenIdle: (() => void)[] = [];

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#campaigns = new KnownCampaigns(options.tail, (id) => options.campaign(id));
  }

  /** Of chunks that are being committed. */
  get waitingItems(): number {
    return this.#waitingItems;
  }

  get waitingRequests(): number {
    return this.#waiting.size;
  }

  /** Throws a `BatchError` for a body of which nothing can be taken. */
  async receive(body: Uint8Array, coding: Coding = "identity"): Promise<Received> {
    return (await this.#receive(body, coding, null))!;
  }

  /**
   * The same for a request whose answer is remembered: in a commit of its own, so that the answer and
   * the interactions are stored together. Null when the key was remembered meanwhile.
   */
  receiveOnce(
    body: Uint8Array,
    coding: Coding,
    remember: (received: Omit<Received, "position">) => RememberOnce,
  ): Promise<Received | null> {
    return this.#receive(body, coding, remember);
  }

  async idle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((done) => this.#whenIdle.push(done));
    await this.#options.bodies.idle();
  }

  /** Ends the maker, when everything is answered. */
  async close(): Promise<void> {
    await this.idle();
    this.admission.close();
    this.#maker?.close();
    this.#maker = null;
  }

  async #receive(
    body: Uint8Array,
    coding: Coding,
    remember: Waiting["remember"],
  ): Promise<Received | null> {
    // One that names no revision has seen the latest: that of an edit that was just answered.
    const { tail } = this.#options;
    if (!tail.hasOwnCommands) await tail.readOwnCommands();
    const request = ++this.#requests;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(request, { remember, resolve, reject });
      this.#outbox.addRequest({
        request,
        length: body.length,
        ...(coding === "gzip" ? { isGzip: true } : {}),
        ...(remember ? { isAlone: true } : {}),
      }, body);
      this.#send();
    });
  }

  #answer(request: number, told: Received | null | Error): void {
    const waiting = this.#waiting.get(request);
    if (!this.#waiting.delete(request)) return;
    if (told instanceof Error) waiting!.reject(told);
    else waiting!.resolve(told);
    if (this.#waiting.size > 0) return;
    for (const done of this.#whenIdle.splice(0)) done();
  }

  #send(): void {
    if (!this.#maker) this.#open();
    if (this.#outbox.isEmpty || this.#messagesUnderWay > 1) return;
    // The second message lies ready for the maker, so that it never waits for this side.
    if (this.#messagesUnderWay === 1 && this.#outbox.requestCount < gatheredMin) return;
    const { tail, nowMs } = this.#options;
    this.#messagesUnderWay++;
    try {
      this.#maker!.post(this.#outbox.take({
        arrivedAtMs: Math.max(nowMs(), tail.cursor.timeMs),
        campaigns: this.#campaigns.changed(),
        numberMemories: this.#newMemories(),
      }));
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #open(): void {
    const maker = this.#options.openMaker({
      made: (made) => void (this.#maker === maker && this.#take(made)),
      failed: (error) => void (this.#maker === maker && this.#fail(error)),
    });
    this.#maker = maker;
    this.#outbox.wantChunks(chunksUnderWayMax);
  }

  /** What the maker held is lost, and was not acknowledged; what is being committed goes on. */
  #fail(error: Error): void {
    this.#maker?.close();
    this.#maker = null;
    this.#messagesUnderWay = 0;
    this.#outbox = new Outbox();
    this.#campaigns.forget();
    this.#memories.device = this.#memories.user = null;
    this.#options.onFailure(error);
    const lost = new StoreUnavailableError("the interactions were not stored");
    for (const request of [...this.#waiting.keys()]) {
      if (!this.#committing.has(request)) this.#answer(request, lost);
    }
  }

  /** Where numbers are looked up, when that is elsewhere than the maker knows. */
  #newMemories() {
    const { identities } = this.#options;
    const [device, user] = [identities.memory("device"), identities.memory("user")];
    if (this.#memories.device === device && this.#memories.user === user) return null;
    return Object.assign(this.#memories, { device, user }) as {
      device: typeof device;
      user: typeof user;
    };
  }

  #take({ faulty, rejected, early, unknown, chunks }: Made): void {
    this.#messagesUnderWay--;
    for (const { request, fault } of faulty) this.#answer(request, errorOf(fault));
    for (const answer of rejected) this.#answerWith(answer, this.#options.tail.cursor.position);
    for (const one of early) this.#learn(one.request, one.campaignIds);
    if (unknown.length > 0) this.#assign(unknown);
    for (const chunk of chunks) this.#commit(chunk);
    this.#send();
  }

  #answerWith({ request, accepted, rejected }: Answer, position: string | null): void {
    this.#answer(request, position === null ? null : { accepted, rejected, position });
  }

  /** What the maker does not know may have happened a moment ago, here or elsewhere. */
  async #learn(request: number, campaignIds: readonly string[]): Promise<void> {
    const maker = this.#maker;
    try {
      await this.#options.tail.poll();
    } catch (error) {
      return this.#drop(request, error as Error);
    }
    if (this.#maker !== maker) return;
    for (const campaignId of campaignIds) this.#campaigns.ask(campaignId);
    this.#outbox.again.push(request);
    this.#send();
  }

  /** New devices and users of several requests get their numbers together. */
  async #assign(unknown: readonly Unknown[]): Promise<void> {
    const { identities } = this.#options;
    const maker = this.#maker;
    try {
      const [devices, users] = await Promise.all([
        identities.assign("device", unknown.flatMap((one) => one.devices)),
        identities.assign("user", unknown.flatMap((one) => one.users)),
      ]);
      if (this.#maker !== maker) return;
      for (const one of unknown) {
        this.#outbox.numbers.push({
          request: one.request,
          devices: one.devices.map((id) => devices.get(id)!),
          users: one.users.map((id) => users.get(id)!),
        });
      }
      this.#send();
    } catch (error) {
      for (const { request } of unknown) this.#drop(request, error as Error);
    }
  }

  /** Answers one that the maker holds. */
  #drop(request: number, error: Error): void {
    if (!this.#waiting.has(request)) return;
    this.#answer(request, error);
    this.#outbox.dropped.push(request);
    this.#send();
  }

  async #commit(chunk: MadeChunk): Promise<void> {
    const maker = this.#maker;
    this.#waitingItems += chunk.count;
    for (const { request } of chunk.answers) this.#committing.add(request);
    const outcome = await this.#append(chunk).catch((error: Error) => error);
    this.#waitingItems -= chunk.count;
    if (!chunk.isAlone && this.#maker === maker) {
      this.#outbox.wantChunks(1);
      this.#send();
    }
    for (let from = 0; from < chunk.answers.length; from += answersPerTurnMax) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const answer of chunk.answers.slice(from, from + answersPerTurnMax)) {
        this.#committing.delete(answer.request);
        if (outcome instanceof Error) this.#answer(answer.request, outcome);
        else this.#answerWith(answer, outcome);
      }
    }
  }

  async #append({ count, bytes, isAlone, answers }: MadeChunk): Promise<string | null> {
    const { bodies, newId } = this.#options;
    const meta: EventMeta = { actor: "sdk", commandId: newId(), traceId: newId() };
    const content = bytes && {
      event: { type: "interactions_recorded", schema: 1, data: { count } },
      body: bytes,
      meta,
    };
    if (!isAlone) return await bodies.append(content);
    const [{ request, accepted, rejected }] = answers as [Answer];
    const remember = this.#waiting.get(request)!.remember!;
    return await bodies.append(content, remember({ accepted, rejected }));
  }
}

function errorOf({ code, message, problems }: Fault): Error {
  return code === "bug" ? new Error(message) : new BatchError(code, message, problems);
}
