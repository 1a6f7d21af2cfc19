/**
 * Random lives of a few campaigns, made by the real decider: commands and the clock give events, and
 * the events come as they would come back from the log.
 */
import fc from "fast-check";
import { type CampaignEvent, campaignEventSchemas } from "../../events/campaign_events.ts";
import { parseSettings } from "../../events/campaign_settings.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import {
  type CampaignCommand,
  type CampaignContext,
  campaignDecider,
  type CampaignState,
  copySettings,
  dueEvents,
} from "../../src/campaign/mod.ts";
import { minimal, settingsOf, spring } from "../events/settings_examples.ts";
import { TestLog } from "../support/recorded.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const startedMs = Date.parse("2026-04-01T00:00:00.000Z");

export type Command =
  | { type: "create"; settings: Record<string, unknown> }
  | { type: "copy" }
  | Exclude<CampaignCommand, { type: "create" | "freeze_audience" }>;

export interface Move {
  readonly afterMs: number;
  /** Which of the campaigns there are. */
  readonly nth: number;
  readonly command: Command;
}

const at = (ms: number) => new Date(startedMs + ms).toISOString();
const { audience: _, ...full } = spring;
const settings = [
  { name: "Draft", type: "modal_text" },
  minimal.modal_text,
  { ...minimal.sticky_banner, schedule: { startAt: at(hourMs / 2), endAt: at(9 * hourMs) } },
  { ...full, platforms: ["web"], schedule: { startAt: at(3 * hourMs), endAt: at(9 * hourMs) } },
];
const patches = [
  { name: "Renamed 😀", description: "d" },
  { name: "Draft", description: null, labels: ["b", "a"] },
  { labels: null, kpiEvents: [{ name: "purchase" }] },
  { content: { title: "One" } },
  {
    content: {
      title: "Two",
      body: "b",
      buttons: [{ elementId: "x", label: "X", action: close() }],
    },
  },
  { content: { buttons: null, body: null } },
  { content: { locales: { default: "en", overrides: { ko: { title: "하나" } } } } },
  { content: null },
  { variants: [{ key: "b", weight: 50, content: { title: "Hi" } }], priority: 70 },
  { variants: null, priority: null },
  {
    trigger: { kind: "event", event: "e", conditions: { and: [{ "==": [{ var: "a/b~c" }, 1] }] } },
  },
  { trigger: { kind: "session_start" }, exposure: { caps: [{ by: "user", per: "day", max: 2 }] } },
  { exposure: null, platforms: ["web"] },
  { schedule: { endAt: at(20 * hourMs), weekdays: ["mon"] } },
  { schedule: { startAt: at(hourMs), endAt: at(5 * hourMs) } },
  { audience: { kind: "all", controlPercent: 10 } },
  { audience: null },
  { name: null },
];

const command = fc.oneof<fc.WeightedArbitrary<Command>[]>(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...settings).map((settings) => ({
      type: "create" as const,
      settings,
    })),
  },
  { weight: 1, arbitrary: fc.constant({ type: "copy" }) },
  {
    weight: 12,
    arbitrary: fc.constantFrom(...patches).map((patch) => ({ type: "edit" as const, patch })),
  },
  { weight: 5, arbitrary: fc.constant({ type: "activate" }) },
  { weight: 4, arbitrary: fc.constant({ type: "advance" }) },
  { weight: 3, arbitrary: fc.constant({ type: "stop" }) },
  { weight: 3, arbitrary: fc.constant({ type: "restart" }) },
  { weight: 1, arbitrary: fc.constant({ type: "end" }) },
  { weight: 1, arbitrary: fc.constant({ type: "delete" }) },
);

/** The first move makes a campaign. */
export const lives: fc.Arbitrary<Move[]> = fc.tuple(
  fc.constantFrom(...settings.slice(1)),
  fc.array(
    fc.record({
      afterMs: fc.oneof(fc.constantFrom(0, 1, minuteMs), fc.integer({ min: 0, max: hourMs })),
      nth: fc.nat(2),
      command,
    }),
    { maxLength: 40, size: "max" },
  ),
).map(([settings, moves]) => [
  { afterMs: 0, nth: 0, command: { type: "create", settings } },
  ...moves,
]);

export interface Lived {
  readonly id: string;
  readonly stream: string;
  /** Those that came with the command, the boundaries that were due before it first. */
  readonly recorded: readonly RecordedEvent[];
  /** As the answer to the command has it. */
  readonly state: CampaignState;
  readonly version: number;
  readonly timeMs: number;
}

export class Lives {
  readonly log = new TestLog();
  readonly #states = new Map<string, CampaignState>();
  #nowMs = startedMs;

  take({ afterMs, nth, command }: Move): Lived {
    this.#nowMs += afterMs;
    const ids = [...this.#states.keys()].filter((id) => this.state(id).status !== "deleted");
    const chosen = ids[nth % ids.length];
    const fresh = `cmp_${this.#states.size}`;
    if (command.type === "create") {
      const parsed = parseSettings(command.settings);
      if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
      return this.#decide(fresh, { type: "create", settings: parsed.settings, copiedFrom: null });
    }
    // Everything has been deleted: begin anew.
    if (chosen === undefined) {
      return this.#decide(fresh, {
        type: "create",
        settings: settingsOf(minimal.modal_text),
        copiedFrom: null,
      });
    }
    if (command.type !== "copy") return this.#decide(chosen, command);
    const copy = copySettings(this.state(chosen).settings, this.#nowMs);
    return this.#decide(fresh, { type: "create", settings: copy, copiedFrom: chosen });
  }

  state(id: string): CampaignState {
    return this.#states.get(id) ?? campaignDecider.initial;
  }

  #decide(id: string, command: CampaignCommand): Lived {
    const nowMs = this.#nowMs;
    const events: CampaignEvent[] = [];
    let state = this.state(id);
    const add = (some: readonly CampaignEvent[]) => {
      for (const event of some) {
        campaignEventSchemas[event.type].parse(event.data);
        events.push(event);
        state = campaignDecider.evolve(state, event, nowMs);
      }
    };
    if (command.type !== "create") add(dueEvents(state, context(nowMs)));
    const decision = campaignDecider.decide(command, state, context(nowMs));
    if (!("refused" in decision) && !("invalid" in decision)) add(decision);
    this.#states.set(id, state);
    const stream = `campaign/${id}`;
    const recorded = this.log.commit(stream, events, nowMs);
    return { id, stream, recorded, state, version: this.log.version(stream), timeMs: nowMs };
  }
}

function context(nowMs: number): CampaignContext {
  return {
    nowMs,
    prepareLeadMs: hourMs,
    reflectWindowMs: 10 * minuteMs,
    statusCheckMs: minuteMs,
    activeLimit: 30,
    otherActiveCount: 0,
    platformsSetUp: ["web"],
    audienceExists: () => false,
  };
}

function close() {
  return { type: "close" };
}
