/**
 * Interactions in bulk → the log. Those of concurrent requests are gathered into one chunk while the
 * last is being committed; a request is answered when its chunk is on disk. Counting, and telling
 * which are repeated, is the KPI projection's: it sees one order.
 */
import { hash } from "node:crypto";
import { ChunkBuilder, digestBytes } from "../../events/interaction_chunk.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import {
  type BodyWriter,
  OverloadedError,
  type RememberOnce,
  type Tail,
} from "../event_store/mod.ts";
import type { IdentityKind, IdentityRegister } from "../identity/mod.ts";
import {
  type CampaignTimes,
  type Interaction,
  judge,
  missingField,
  type RejectionCode,
} from "./interaction.ts";
import { SessionKeys } from "./session_keys.ts";
import { hideChoice, type ShownMessage, shownVariant } from "./shown_message.ts";

/** Items of one chunk: about 200 KB. */
const chunkItemsMax = 8_000;
/** Items that wait for a commit; beyond it callers are told to come back. */
const waitingItemsMax = 200_000;

export interface Rejected {
  readonly index: number;
  readonly code: RejectionCode;
  /** JSON pointer within the item, and what is wrong there. */
  readonly pointer?: string;
  readonly message?: string;
}

export interface Received {
  readonly accepted: number;
  readonly rejected: readonly Rejected[];
  readonly position: string;
}

export interface IngestOptions {
  readonly bodies: BodyWriter;
  readonly tail: Tail;
  readonly identities: IdentityRegister;
  /** Undefined for a campaign that does not exist. */
  campaign(campaignId: string): (CampaignTimes & { readonly contentRevision: number }) | undefined;
  /** What that revision of the campaign showed, or the latest one; undefined where nothing is known. */
  message(campaignId: string, revision: number | undefined): ShownMessage | undefined;
  nowMs(): number;
  newId(): string;
}

interface Gathered {
  readonly builder: ChunkBuilder;
  readonly answered: Promise<string>;
}

interface Accepted {
  readonly interaction: Interaction;
  readonly occurredAtMs: number;
  /** From the identity register; 0 while it is not known there. */
  device: number;
  /** The same; 0 also where there is no user. */
  user: number;
}

interface Judged {
  readonly accepted: readonly Accepted[];
  readonly rejected: Rejected[];
  /** Whether some of them saw a revision that is not known here yet. */
  readonly isAhead: boolean;
}

export class Ingest {
  readonly #options: IngestOptions;
  #gathering: Gathered | null = null;
  #inFlight: Promise<unknown> = Promise.resolve();
  #waitingItems = 0;
  readonly #sessionKeys = new SessionKeys();

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  get waitingItems(): number {
    return this.#waitingItems;
  }

  /** `null` stands for an item that is no interaction at all: its rejection is in `invalid`. */
  async receive(
    items: readonly (Interaction | null)[],
    invalid: readonly Rejected[],
  ): Promise<Received> {
    const judged = await this.#judge(items, invalid);
    if (judged.accepted.length === 0) {
      return {
        accepted: 0,
        rejected: judged.rejected,
        position: this.#options.tail.cursor.position,
      };
    }
    await this.#number(judged);
    const position = await this.#gather(judged);
    return { accepted: judged.accepted.length, rejected: judged.rejected, position };
  }

  /**
   * The same for a request whose answer is remembered: in a commit of its own, so that the answer and
   * the interactions are stored together. Null when the key was remembered meanwhile.
   */
  async receiveOnce(
    items: readonly (Interaction | null)[],
    invalid: readonly Rejected[],
    remember: (received: Omit<Received, "position">) => RememberOnce,
  ): Promise<Received | null> {
    const judged = await this.#judge(items, invalid);
    await this.#number(judged);
    const builder = new ChunkBuilder();
    this.#add(builder, judged);
    const received = { accepted: judged.accepted.length, rejected: judged.rejected };
    const content = builder.count > 0 ? this.#content(builder) : null;
    const position = await this.#options.bodies.append(content, remember(received));
    return position === null ? null : { ...received, position };
  }

  async idle(): Promise<void> {
    while (this.#gathering) await this.#gathering.answered.catch(() => {});
    await this.#options.bodies.idle();
  }

  async #judge(
    items: readonly (Interaction | null)[],
    invalid: readonly Rejected[],
  ): Promise<Judged> {
    if (this.#waitingItems + items.length > waitingItemsMax) {
      throw new OverloadedError("too many interactions are waiting");
    }
    // One that names no revision has seen the latest: that of an edit that was just answered.
    if (!this.#options.tail.hasOwnCommands) await this.#options.tail.readOwnCommands();
    const judged = this.#judgeNow(items, invalid);
    const maybeTooEarly = judged.isAhead || judged.rejected
      .some(({ code }) => code === "unknown_campaign" || code === "not_posted");
    if (!maybeTooEarly) return judged;
    // The campaign may have been created, posted or edited a moment ago, here or elsewhere.
    await this.#options.tail.poll();
    return this.#judgeNow(items, invalid);
  }

  #judgeNow(items: readonly (Interaction | null)[], invalid: readonly Rejected[]): Judged {
    const arrivedAtMs = Math.max(this.#options.nowMs(), this.#options.tail.cursor.timeMs);
    const rejected: Rejected[] = [...invalid];
    const accepted: Accepted[] = [];
    let isAhead = false;
    items.forEach((interaction, index) => {
      if (!interaction) return;
      const missing = missingField(interaction);
      if (missing) {
        const message = `is required for kind ${interaction.kind}, in one of its known values`;
        rejected.push({ index, code: "invalid", pointer: `/${missing}`, message });
        return;
      }
      const occurredAtMs = Date.parse(interaction.occurredAt);
      const { campaignId } = interaction;
      const campaign = campaignId === undefined ? null : this.#options.campaign(campaignId);
      const code = judge(occurredAtMs, arrivedAtMs, campaign);
      if (campaign && interaction.revision! > campaign.contentRevision) isAhead = true;
      if (code) rejected.push({ index, code });
      else accepted.push({ interaction, occurredAtMs, device: 0, user: 0 });
    });
    if (rejected.length > 1) rejected.sort((a, b) => a.index - b.index);
    return { accepted, rejected, isAhead };
  }

  /** Gives every device and user its number. */
  async #number({ accepted }: Judged): Promise<void> {
    const { identities } = this.#options;
    const missing: Record<IdentityKind, string[]> = { device: [], user: [] };
    for (const one of accepted) {
      const { deviceId, userId } = one.interaction;
      one.device = identities.known("device", deviceId) ?? 0;
      if (one.device === 0) missing.device.push(deviceId);
      if (userId === undefined) continue;
      one.user = identities.known("user", userId) ?? 0;
      if (one.user === 0) missing.user.push(userId);
    }
    if (missing.device.length === 0 && missing.user.length === 0) return;
    const [devices, users] = await Promise.all([
      identities.assign("device", missing.device),
      identities.assign("user", missing.user),
    ]);
    for (const one of accepted) {
      const { deviceId, userId } = one.interaction;
      if (one.device === 0) one.device = devices.get(deviceId)!;
      if (one.user === 0 && userId !== undefined) one.user = users.get(userId)!;
    }
  }

  #gather(judged: Judged): Promise<string> {
    let gathering = this.#gathering;
    if (!gathering || gathering.builder.count + judged.accepted.length > chunkItemsMax) {
      const builder = new ChunkBuilder();
      const fresh: Gathered = { builder, answered: this.#inFlight.then(() => this.#commit(fresh)) };
      this.#inFlight = fresh.answered.catch(() => {});
      this.#gathering = gathering = fresh;
    }
    this.#add(gathering.builder, judged);
    this.#waitingItems += judged.accepted.length;
    return gathering.answered;
  }

  async #commit(gathered: Gathered): Promise<string> {
    if (this.#gathering === gathered) this.#gathering = null;
    try {
      return (await this.#options.bodies.append(this.#content(gathered.builder)))!;
    } finally {
      this.#waitingItems -= gathered.builder.count;
    }
  }

  #content(builder: ChunkBuilder) {
    const { newId } = this.#options;
    const meta: EventMeta = { actor: "sdk", commandId: newId(), traceId: newId() };
    return {
      event: { type: "interactions_recorded", schema: 1, data: { count: builder.count } },
      body: builder.build(),
      meta,
    };
  }

  #add(builder: ChunkBuilder, { accepted }: Judged): void {
    for (const { interaction, occurredAtMs, device, user } of accepted) {
      const { campaignId, revision, claimId, session, kind } = interaction;
      const message = campaignId === undefined
        ? undefined
        : this.#options.message(campaignId, revision);
      const variant = shownVariant(interaction, message);
      const hides = kind === "hide" && interaction.name === undefined;
      builder.add({
        digest: digestOf(interaction.id),
        kind,
        campaignId: campaignId ?? null,
        device,
        user,
        occurredAtMs,
        platform: interaction.platform,
        revision: revision ?? 0,
        elementId: interaction.elementId ?? null,
        variant,
        name: hides
          ? hideChoice(interaction.elementId, message, variant)
          : interaction.name ?? null,
        session: this.#sessionKeys.of(session),
        claim: claimId === undefined ? null : claimDigest(claimId),
      });
    }
  }
}

/** The same bytes as of ids, in hex. */
function claimDigest(claimId: string): string {
  return hash("sha256", claimId, "hex").slice(0, 2 * digestBytes);
}

/** The first 16 bytes of the id's SHA-256. By way of hex, which costs a third of the bytes themselves. */
function digestOf(id: string): Uint8Array {
  const hex = hash("sha256", id, "hex");
  const digest = new Uint8Array(digestBytes);
  for (let index = 0; index < digestBytes; index++) {
    digest[index] = hexDigit(hex.charCodeAt(2 * index)) << 4 |
      hexDigit(hex.charCodeAt(2 * index + 1));
  }
  return digest;
}

function hexDigit(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
