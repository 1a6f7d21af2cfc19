/** Settings, interactions and messages as the API has them, to and from the plain data of the second model. */
import type { Interaction, Settings } from "./second_life.ts";
import type { Predicted } from "./second_model.ts";

export interface Sent extends Omit<Interaction, "recordedAtMs"> {
  readonly platform: string;
  readonly token?: string;
}

/** Settings as the API takes them, in groups that a patch can replace whole. */
export function jsonOf(settings: Settings): Record<string, unknown> {
  const { title, later, variants, conditions, caps, audienceId, excludeId } = settings;
  const button = later && {
    elementId: "later",
    label: "Later",
    action: { type: "hide", for: later },
  };
  const condition = (index: number) => ({ ">": [{ var: `n${index}` }, index] });
  const instant = (ms: number) => new Date(ms).toISOString();
  return {
    platforms: settings.platforms,
    content: { title, buttons: button ? [button] : [] },
    variants: variants.map(({ key, weight }) => ({
      key,
      weight,
      content: { title: `${title} ${key}` },
    })),
    trigger: conditions === 0 ? { kind: "session_start" } : {
      kind: "event",
      event: "bought",
      conditions: { and: Array.from({ length: conditions }, (_, index) => condition(index)) },
    },
    priority: settings.priority,
    exposure: { caps },
    schedule: {
      startAt: instant(settings.startMs),
      endAt: instant(settings.endMs),
      timeZone: settings.zone,
      weekdays: settings.weekdays,
      windows: settings.windows,
    },
    audience: {
      ...(audienceId === null ? { kind: "all" } : { kind: "audience", audienceId }),
      excludeAudienceId: excludeId,
      controlPercent: settings.controlPercent,
    },
    description: settings.description,
  };
}

export function sentJson(item: Sent): Record<string, unknown> {
  const { occurredAtMs, sessionMs: _, token, ...rest } = item;
  return {
    ...rest,
    occurredAt: new Date(occurredAtMs).toISOString(),
    ...(token === undefined ? {} : { session: token }),
  };
}

// deno-lint-ignore no-explicit-any -- a message as JSON
export function messageOf(message: any): Predicted {
  return {
    campaignId: message.campaignId,
    revision: message.revision,
    variant: message.variant ?? null,
    title: message.content.title,
    priority: message.priority,
    conditions: message.trigger.conditions?.and.length ?? 0,
    isTest: message.test ?? false,
    remaining: message.test ? {} : remainingOf(message.caps),
  };
}

function remainingOf(
  caps: { limits: { per: string; by: string; max: number | null; remaining: number }[] },
): Record<string, number> {
  return Object.fromEntries(
    caps.limits.filter(({ max }) => max !== null)
      .map(({ per, by, remaining }) => [`${per}_${by}`, remaining]),
  );
}
