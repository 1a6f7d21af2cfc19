/**
 * Makes chunks of the requests that it is told of: reads, judges and numbers their interactions. It
 * knows no store, no clock and no thread. What it cannot know is asked for, and the request is held
 * meanwhile; the others go on.
 */
import { ChunkBuilder } from "../../events/interaction_chunk.ts";
import { idDigests } from "../../events/id_digest.ts";
import { type IdentityKind, NumberTable } from "../identity/mod.ts";
import { type Batch, BatchError, parseBatch, type Rejected } from "./batch.ts";
import type { CampaignFacts } from "./campaign_facts.ts";
import { ChunkRows } from "./chunk_rows.ts";
import { type Interaction, judge, missingField } from "./interaction.ts";
import { instantMs } from "./item_check.ts";
import type { Answer, Fault, Made, MadeChunk, RequestHead, Work } from "./maker_messages.ts";

/** Items of one chunk: about 100 KB, and a few milliseconds' work for those who fold it at once. */
const chunkItemsMax = 4_000;
/** A chunk that may have more bytes takes no further request; those of one still fit the commit. */
const chunkBytesMax = 230_000;

export interface AcceptedItem {
  readonly interaction: Interaction;
  readonly occurredAtMs: number;
  readonly campaign: CampaignFacts | null;
  /** 0 while it is not known; for a user also where there is none. */
  device: number;
  user: number;
}

interface Judged {
  readonly accepted: readonly AcceptedItem[];
  readonly rejected: readonly Rejected[];
  /** What should be known to judge for good. */
  readonly early: ReadonlySet<string>;
}

interface OpenChunk {
  readonly builder: ChunkBuilder;
  readonly answers: Answer[];
}

type Held =
  | { readonly head: RequestHead; readonly batch: Batch }
  | { readonly head: RequestHead; readonly judged: Judged };

export class ChunkMaker {
  readonly #campaigns = new Map<string, CampaignFacts>();
  readonly #held = new Map<number, Held>();
  readonly #rows = new ChunkRows();
  readonly #open: OpenChunk[] = [];
  #numbers: { readonly device: NumberTable; readonly user: NumberTable } | null = null;
  #chunksWanted = 0;
  #arrivedAtMs = 0;
  #made: Made = newMade();

  work(work: Work): Made {
    const made = this.#made = newMade();
    this.#arrivedAtMs = work.arrivedAtMs;
    this.#chunksWanted += work.chunksWanted;
    if (work.numberMemories) {
      const { device, user } = work.numberMemories;
      this.#numbers = { device: new NumberTable(0, device), user: new NumberTable(0, user) };
    }
    for (const [campaignId, facts] of work.campaigns) {
      if (facts) this.#campaigns.set(campaignId, facts);
      else this.#campaigns.delete(campaignId);
    }
    for (const request of work.dropped) this.#held.delete(request);
    for (const { request, devices, users } of work.numbers) {
      this.#each(request, () => this.#numbered(request, devices, users));
    }
    for (const request of work.again) this.#each(request, () => this.#again(request));
    let from = 0;
    for (const head of work.requests) {
      const body = work.bodies.subarray(from, from += head.length);
      this.#each(head.request, () => this.#arrive(head, body));
    }
    while (this.#chunksWanted > 0 && this.#open.length > 0) {
      made.chunks.push(built(this.#open.shift()!, false));
      this.#chunksWanted--;
    }
    return made;
  }

  /** Whatever is wrong with a request is told of it alone. */
  #each(request: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#made.faulty.push({ request, fault: faultOf(error) });
    }
  }

  #arrive(head: RequestHead, body: Uint8Array): void {
    const batch = parseBatch(body, head.isGzip ? "gzip" : "identity");
    const judged = this.#judge(batch);
    if (judged.early.size === 0) return this.#number(head, judged);
    this.#held.set(head.request, { head, batch });
    this.#made.early.push({ request: head.request, campaignIds: [...judged.early] });
  }

  #again(request: number): void {
    const held = this.#take(request);
    if (held && "batch" in held) this.#number(held.head, this.#judge(held.batch));
  }

  #take(request: number): Held | undefined {
    const held = this.#held.get(request);
    this.#held.delete(request);
    return held;
  }

  #judge({ items, invalid }: Batch): Judged {
    const rejected: Rejected[] = [...invalid];
    const accepted: AcceptedItem[] = [];
    const early = new Set<string>();
    for (let index = 0; index < items.length; index++) {
      const interaction = items[index];
      if (!interaction) continue;
      const missing = missingField(interaction);
      if (missing) {
        const message = `is required for kind ${interaction.kind}, in one of its known values`;
        rejected.push({ index, code: "invalid", pointer: `/${missing}`, message });
        continue;
      }
      const { campaignId, revision } = interaction;
      const campaign = campaignId === undefined ? null : this.#campaigns.get(campaignId);
      const occurredAtMs = instantMs(interaction.occurredAt);
      const code = judge(occurredAtMs, this.#arrivedAtMs, campaign);
      // The campaign may have been created, posted or edited a moment ago, here or elsewhere.
      const maybeEarly = code === "unknown_campaign" || code === "not_posted" ||
        campaign && revision! > campaign.contentRevision;
      if (maybeEarly) early.add(campaignId!);
      if (code) rejected.push({ index, code });
      else accepted.push({ interaction, occurredAtMs, campaign: campaign!, device: 0, user: 0 });
    }
    if (rejected.length > 1) rejected.sort((a, b) => a.index - b.index);
    return { accepted, rejected, early };
  }

  /** Gives every device and user its number, those that are at hand. */
  #number(head: RequestHead, judged: Judged): void {
    const devices = this.#numberKind("device", judged.accepted);
    const users = this.#numberKind("user", judged.accepted);
    if (devices.size === 0 && users.size === 0) return this.#add(head, judged);
    const { request } = head;
    this.#held.set(request, { head, judged });
    this.#made.unknown.push({ request, devices: [...devices], users: [...users] });
  }

  /** Gives the ids whose number is not at hand, in the order of their first item. */
  #numberKind(kind: IdentityKind, items: readonly AcceptedItem[]): Set<string> {
    const changes = changesOf(kind, items);
    const found = this.#numbers![kind].findAll(idDigests(changes), changes.length);
    const unknown = new Set<string>();
    let before: string | undefined;
    let next = 0, number = 0;
    for (const item of items) {
      const id = subjectOf(kind, item);
      if (id === undefined) continue;
      if (id !== before) number = found[next++]!;
      if (number === 0) unknown.add(id);
      item[kind] = number;
      before = id;
    }
    return unknown;
  }

  #numbered(request: number, devices: readonly number[], users: readonly number[]): void {
    const held = this.#take(request);
    if (!held || !("judged" in held)) return;
    const deviceNumbers = new Map<string, number>();
    const userNumbers = new Map<string, number>();
    // In the order in which they were asked for: that of their first item.
    for (const item of held.judged.accepted) {
      const { deviceId, userId } = item.interaction;
      if (item.device === 0) item.device = numberIn(deviceNumbers, deviceId, devices);
      if (item.user === 0 && userId !== undefined) {
        item.user = numberIn(userNumbers, userId, users);
      }
    }
    this.#add(held.head, held.judged);
  }

  #add({ request, isAlone }: RequestHead, { accepted, rejected }: Judged): void {
    const answer: Answer = { request, accepted: accepted.length, rejected };
    if (accepted.length === 0 && !isAlone) return void this.#made.rejected.push(answer);
    const chunk = isAlone ? newChunk() : this.#openFor(accepted.length);
    this.#rows.addAll(chunk.builder, accepted);
    chunk.answers.push(answer);
    if (isAlone) this.#made.chunks.push(built(chunk, true));
  }

  #openFor(items: number): OpenChunk {
    const last = this.#open.at(-1);
    const fits = last && last.builder.count + items <= chunkItemsMax &&
      last.builder.approximateBytes <= chunkBytesMax;
    if (fits) return last;
    const chunk = newChunk();
    this.#open.push(chunk);
    return chunk;
  }
}

/** The buffers of a thread's answer that may be handed over instead of copied. */
export function buffersOf({ chunks }: Made): ArrayBuffer[] {
  return chunks.flatMap(({ bytes }) => bytes ? [bytes.buffer] : []);
}

function subjectOf(kind: IdentityKind, { interaction }: AcceptedItem): string | undefined {
  return kind === "device" ? interaction.deviceId : interaction.userId;
}

/** The ids, but not those that are the same as before: most calls come from one device. */
function changesOf(kind: IdentityKind, items: readonly AcceptedItem[]): string[] {
  const ids: string[] = [];
  for (const item of items) {
    const id = subjectOf(kind, item);
    if (id !== undefined && id !== ids.at(-1)) ids.push(id);
  }
  return ids;
}

function newMade(): Made {
  return { faulty: [], rejected: [], early: [], unknown: [], chunks: [] };
}

function newChunk(): OpenChunk {
  return { builder: new ChunkBuilder(), answers: [] };
}

function built({ builder, answers }: OpenChunk, isAlone: boolean): MadeChunk {
  const bytes = builder.count === 0 ? null : builder.build();
  return { count: builder.count, bytes, isAlone, answers };
}

/** The id's number: one that comes for the first time has the next of the list. */
function numberIn(known: Map<string, number>, id: string, list: readonly number[]): number {
  let number = known.get(id);
  if (number === undefined) known.set(id, number = list[known.size]!);
  return number;
}

function faultOf(error: unknown): Fault {
  if (error instanceof BatchError) {
    const { code, message, problems } = error;
    return { code, message, problems };
  }
  const message = error instanceof Error ? error.stack ?? error.message : String(error);
  return { code: "bug", message, problems: [] };
}
