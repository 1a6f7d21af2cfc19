/** Which campaigns the maker of chunks knows, and which of them have changed since it was told. */
import type { Tail } from "../event_store/mod.ts";
import type { CampaignFacts } from "./campaign_facts.ts";

const streamPrefix = "campaign/";

export class KnownCampaigns {
  readonly #known = new Set<string>();
  readonly #toTell = new Set<string>();

  /** Subscribes: whoever folds into what `facts` reads must have done so before. */
  constructor(tail: Tail, readonly facts: (campaignId: string) => CampaignFacts | undefined) {
    tail.subscribe((events) => {
      for (const { stream } of events) {
        if (!stream.startsWith(streamPrefix)) continue;
        const campaignId = stream.slice(streamPrefix.length);
        if (this.#known.has(campaignId)) this.#toTell.add(campaignId);
      }
    });
  }

  /** The maker wants to know it. */
  ask(campaignId: string): void {
    this.#toTell.add(campaignId);
  }

  /** What is to be told; it counts as told then. One that is not there is not kept in mind. */
  changed(): [campaignId: string, facts: CampaignFacts | null][] {
    if (this.#toTell.size === 0) return [];
    const told = [...this.#toTell].map((campaignId): [string, CampaignFacts | null] => {
      const facts = this.facts(campaignId);
      if (facts) this.#known.add(campaignId);
      else this.#known.delete(campaignId);
      return [campaignId, facts ?? null];
    });
    this.#toTell.clear();
    return told;
  }

  /** Another maker knows none. */
  forget(): void {
    this.#known.clear();
    this.#toTell.clear();
  }
}
