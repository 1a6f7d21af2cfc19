/** Whom settings would reach if they were live now, and how many of those another campaign reaches too. */
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import { OverloadedError } from "../event_store/mod.ts";
import type { AudienceCalculation } from "./calculation.ts";
import { Members } from "./members.ts";
import { sourcesOf } from "./part_sources.ts";
import type { Snapshot } from "./snapshots.ts";

/** A set of subjects; null members: everybody. */
type Reached = Pick<Snapshot, "members" | "excluded">;

export class Reach {
  #isCalculating = false;

  constructor(readonly calculation: AudienceCalculation) {}

  /**
   * Calls `use` with those whom the settings reach, and then lets go of them. Null: one of the audiences
   * is gone.
   */
  async of<Answer>(
    settings: CampaignSettings,
    use: (reached: Reached | null) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#isCalculating) {
      throw new OverloadedError("a simulation is being calculated; ask again later");
    }
    this.#isCalculating = true;
    const parts = { members: new Members(), excluded: new Members() };
    try {
      const { calculation } = this;
      const sources = sourcesOf(settings, calculation.options.audiences());
      for (const { of, audienceId, rule } of sources ?? []) {
        if (rule === null) calculation.addList(audienceId, parts[of]);
        else {
          await calculation.rule(rule, parts[of], {
            highest: await calculation.highest(),
            nowMs: calculation.options.nowMs(),
            step: () => calculation.assertOpen(),
          }).run();
        }
      }
      const has = (part: keyof typeof parts) => sources?.some(({ of }) => of === part);
      return await use(
        sources && {
          members: has("members") ? parts.members : null,
          excluded: has("excluded") ? parts.excluded : null,
        },
      );
    } finally {
      this.#isCalculating = false;
      parts.members.dispose();
      parts.excluded.dispose();
    }
  }
}

/** How many subjects both reach; null: everybody, whom nobody counts. */
export function countShared(one: Reached, other: Reached): number | null {
  const [first, second] = [one.members, other.members].filter((members) => members !== null);
  if (!first) return null;
  const excluded = [one.excluded, other.excluded].filter((members) => members !== null);
  return (first as Members).countWithin(second as Members | undefined, excluded as Members[]);
}
