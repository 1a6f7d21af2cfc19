/** The question "what changed, and from what to what?": field-level differences of a campaign's events. */
import type { CampaignEvent } from "../events/campaign_events.ts";
import { type CampaignSettings, settingsAfter, withDefaults } from "../events/campaign_settings.ts";
import { statusChange } from "./campaign_status.ts";

export interface FieldChange {
  /** JSON pointer into the campaign. */
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** A content revision, with the settings that the campaign has had last while it was current. */
export interface RevisionSettings {
  readonly revision: number;
  readonly settings: CampaignSettings;
}

/** The current one after an event of the campaign's stream; null before the first. */
export function revisionAfter(
  before: RevisionSettings | null,
  event: CampaignEvent,
): RevisionSettings | null {
  switch (event.type) {
    case "campaign_created":
      return { revision: 1, settings: event.data.settings as CampaignSettings };
    case "campaign_edited":
      return {
        revision: event.data.contentRevision,
        settings: settingsAfter(before!.settings, event.data.set),
      };
    default:
      return before;
  }
}

/** For every event of one stream, in order: the fields that it changed. `null` stands for none. */
export function historyChanges(events: readonly CampaignEvent[]): FieldChange[][] {
  let settings: Record<string, unknown> | null = null;
  let given: CampaignSettings | null = null;
  let revision = 1;
  let status: Parameters<typeof statusChange>[0];
  return events.map((event) => {
    const changes: FieldChange[] = [];
    const next = statusChange(status, event, 0)?.status;
    if (next !== undefined && next !== status) {
      changes.push({ path: "/status", from: status ?? null, to: next });
      status = next;
    }
    if (event.type === "campaign_created") given = event.data.settings as CampaignSettings;
    if (event.type === "campaign_edited") {
      given = settingsAfter(given!, event.data.set);
      if (event.data.contentRevision !== revision) {
        changes.push({ path: "/contentRevision", from: revision, to: event.data.contentRevision });
        revision = event.data.contentRevision;
      }
    }
    if (event.type === "campaign_created" || event.type === "campaign_edited") {
      const full = withDefaults(given!) as unknown as Record<string, unknown>;
      compare("", settings ?? {}, full, changes);
      settings = full;
    }
    return changes;
  });
}

/** Objects are compared member by member, arrays as a whole. */
function compare(path: string, from: unknown, to: unknown, changes: FieldChange[]): void {
  if (isObject(from) && isObject(to)) {
    for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
      const pointer = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      compare(pointer, from[name], to[name], changes);
    }
  } else if (JSON.stringify(from) !== JSON.stringify(to)) {
    changes.push({ path, from: from ?? null, to: to ?? null });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
