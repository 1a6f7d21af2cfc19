/** When a message that may be shown is to be shown: what clients decide alone, decided by the same rule. */
import { setImmediate } from "node:timers";
import type { FullCampaignTrigger } from "../../events/campaign_trigger.ts";
import { conditionsHold } from "../audience/mod.ts";

/** What has just happened in the app: a session's start, an event, or somebody asked by a key. */
export type Occasion =
  | { readonly kind: "session_start" }
  | {
    readonly kind: "event";
    readonly event: string;
    readonly properties: Readonly<Record<string, unknown>>;
  }
  | { readonly kind: "self_serve"; readonly key: string };

export function isTriggered(trigger: FullCampaignTrigger, occasion: Occasion): boolean {
  switch (trigger.kind) {
    case "session_start":
      return occasion.kind === "session_start";
    case "event":
      return occasion.kind === "event" && occasion.event === trigger.event &&
        conditionsHold(trigger.conditions, occasion.properties);
    case "self_serve":
      return occasion.kind === "self_serve" && occasion.key === trigger.key;
  }
}

/**
 * The first message whose trigger is met. Ten conditions made to be slow take some 30 ms, so others get
 * their turn between two campaigns.
 */
export async function firstTriggered<Message extends Triggered>(
  messages: readonly Message[],
  occasion: Occasion,
): Promise<Message | undefined> {
  let beganAtMs = performance.now();
  for (const message of messages) {
    if (isTriggered(message.revision.delivered.trigger, occasion)) return message;
    if (performance.now() - beganAtMs < turnMsMax) continue;
    await new Promise((resolve) => setImmediate(resolve));
    beganAtMs = performance.now();
  }
  return undefined;
}

interface Triggered {
  readonly revision: { readonly delivered: { readonly trigger: FullCampaignTrigger } };
}

const turnMsMax = 8;

export function conditionCount(trigger: FullCampaignTrigger): number {
  return trigger.kind === "event" ? trigger.conditions.and.length : 0;
}
