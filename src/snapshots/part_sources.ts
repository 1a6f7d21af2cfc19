/** The audiences that a campaign's snapshot is made of, as they were when it was begun. */
import type { SubjectKind } from "../../events/profile_events.ts";
import type { CampaignState } from "../campaign/mod.ts";
import type { Part } from "./snapshots.ts";
import type { AudienceSource } from "./sources.ts";

export interface PartSource {
  readonly of: Part;
  readonly audienceId: string;
  readonly kind: "rule" | "list";
  /** Null for a list. */
  readonly rule: unknown;
}

/** Which audiences a campaign names, and for what. */
export function audiencesOf({ audience }: CampaignState["settings"]): [Part, string][] {
  const found: [Part, string][] = [];
  if (audience?.kind === "audience") found.push(["members", audience.audienceId]);
  if (audience?.excludeAudienceId) found.push(["excluded", audience.excludeAudienceId]);
  return found;
}

/** Null when one of them is gone. */
export function sourcesOf(
  settings: CampaignState["settings"],
  audiences: AudienceSource,
): PartSource[] | null {
  const sources: PartSource[] = [];
  for (const [of, audienceId] of audiencesOf(settings)) {
    const audience = audiences.get(audienceId);
    if (!audience) return null;
    const { kind, rule } = audience;
    sources.push({ of, audienceId, kind, rule: kind === "rule" ? rule : null });
  }
  return sources;
}

/** Subjects looked at for the sources before this one. Lists are taken as they are. */
export function scannedBefore(
  sources: readonly PartSource[],
  index: number,
  highest: Readonly<Record<SubjectKind, number>>,
): number {
  const rules = sources.slice(0, index).filter(({ kind }) => kind === "rule");
  return rules.length * (highest.user + highest.device);
}
