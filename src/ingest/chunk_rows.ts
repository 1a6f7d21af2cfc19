/** Writes an accepted interaction into a chunk: what stands in the log for it. */
import type { ChunkBuilder } from "../../events/interaction_chunk.ts";
import { idDigestHex, idDigests, putDigest } from "../../events/id_digest.ts";
import { messageOf } from "./campaign_facts.ts";
import type { AcceptedItem } from "./chunk_maker.ts";
import { SessionKeys } from "./session_keys.ts";
import { hideChoice, shownVariant } from "./shown_message.ts";

export class ChunkRows {
  readonly #sessionKeys = new SessionKeys();
  readonly #digest = new Uint8Array(16);

  addAll(builder: ChunkBuilder, items: readonly AcceptedItem[]): void {
    const digests = idDigests(items.map(({ interaction }) => interaction.id));
    for (let index = 0; index < items.length; index++) {
      putDigest(this.#digest, 0, digests, 4 * index);
      this.#add(builder, items[index]!);
    }
  }

  /** Its digest stands in `#digest`. */
  #add(builder: ChunkBuilder, item: AcceptedItem): void {
    const { interaction, occurredAtMs, campaign, device, user } = item;
    const { campaignId, revision, claimId, session, kind, elementId, name } = interaction;
    const message = campaign ? messageOf(campaign, revision) : undefined;
    const variant = shownVariant(interaction, message);
    const hides = kind === "hide" && name === undefined;
    builder.add({
      digest: this.#digest,
      kind,
      campaignId: campaignId ?? null,
      device,
      user,
      occurredAtMs,
      platform: interaction.platform,
      revision: revision ?? 0,
      elementId: elementId ?? null,
      variant,
      name: hides ? hideChoice(elementId, message, variant) : name ?? null,
      session: this.#sessionKeys.of(session),
      // The same bytes as of ids, in hex.
      claim: claimId === undefined ? null : idDigestHex(claimId),
    });
  }
}
