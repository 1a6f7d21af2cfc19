/** The question "which campaigns use this audience?": those that could still be shown because of it. */
import { namedAudiences } from "../events/named_audiences.ts";
import type { CampaignRow } from "./campaigns.ts";

const none: readonly string[] = [];

export class AudienceUsers {
  /** Ids of campaigns by the audience that they name; the deleted and the ended left out. */
  readonly #users = new Map<string, Set<string>>();
  /** The audiences that a campaign is in `#users` for. */
  readonly #named = new Map<string, readonly string[]>();

  set({ id, status, settings }: CampaignRow): void {
    const counts = status !== "deleted" && status !== "ended";
    const named = counts ? namedAudiences(settings).map((one) => one.audienceId) : none;
    const before = this.#named.get(id) ?? none;
    if (named.length + before.length === 0) return;
    if (named.join("\n") === before.join("\n")) return;
    for (const audienceId of before) this.#remove(audienceId, id);
    for (const audienceId of named) {
      const users = this.#users.get(audienceId);
      if (users) users.add(id);
      else this.#users.set(audienceId, new Set([id]));
    }
    if (named.length > 0) this.#named.set(id, named);
    else this.#named.delete(id);
  }

  /** In order. */
  of(audienceId: string): string[] {
    return [...this.#users.get(audienceId) ?? none].sort();
  }

  #remove(audienceId: string, id: string): void {
    const users = this.#users.get(audienceId);
    users?.delete(id);
    if (users?.size === 0) this.#users.delete(audienceId);
  }
}
