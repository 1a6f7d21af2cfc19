/**
 * Laws of a campaign's life over random sequences of commands and clock steps. Instants fall on a
 * grid of five minutes, one millisecond aside now and then, so that commands meet boundaries exactly
 * and just miss them. A failure prints its seed and the smallest sequence that shows it.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CampaignEvent, campaignEventSchemas } from "../../events/campaign_events.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignContext } from "../../src/campaign/commands.ts";
import {
  campaignDecider,
  type CampaignState,
  dueAtMs,
  dueEvents,
  nextBoundary,
} from "../../src/campaign/mod.ts";
import {
  commandOf,
  live,
  type ModelCommand,
  type ModelConfig,
  type ModelSettings,
  type ModelStep,
  type Outcome,
  type Seen,
  settingsOf,
  type TimelineEntry,
} from "./model.ts";

const sequences = 3_000;
const minuteMs = 60_000;
const farMs = Date.parse("2100-01-01T00:00:00.000Z");
const gridMs = 5 * minuteMs;
const createdMs = Date.parse("2026-03-31T22:00:00.000Z");

Deno.test("decider and model agree on outcome, status, revision and timeline", () => {
  const met = new Map<string, number>();
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      const expected = live(config, settings, createdMs, steps);
      steps.forEach((step, index) => {
        const seen = take(campaign, step);
        assertEquals(seen, expected[index], `step ${index}: ${JSON.stringify(step)}`);
        assertEquals(due(campaign, step), [], "the clock has something left to do after a command");
        count(met, `${step.command.kind}: ${seen.outcome}`);
        count(met, seen.status);
      });
    }),
    { numRuns: sequences },
  );
  for (const needed of mustBeMet) assert(met.has(needed), `no sequence met "${needed}"`);
});

Deno.test("deciding a command twice appends nothing the second time", () => {
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      for (const step of steps) {
        const { outcome } = take(campaign, step);
        if (outcome !== "ok" || campaign.state.status === "deleted") continue;
        const ended = campaign.state.status === "ended" && step.command.kind !== "advance";
        const before = campaign.events.length;
        const again = take(campaign, step);
        assertEquals(again.outcome, ended ? "campaign_ended" : secondTime[step.command.kind]);
        assertEquals(campaign.events.length, before, `${step.command.kind} twice`);
      }
    }),
    { numRuns: sequences },
  );
});

Deno.test("one jump of the clock records what many small steps record", () => {
  fc.assert(
    fc.property(
      lives,
      fc.array(pause, { maxLength: 40 }),
      ({ config, settings, steps }, pauses) => {
        const jumping = create(config, settings);
        const stepping = create(config, settings);
        for (const step of steps) {
          take(jumping, step);
          take(stepping, step);
        }
        if (jumping.state.status === "deleted") return;
        const last = steps.at(-1)!;
        let atMs = last.atMs;
        for (const { gaps, jitterMs } of pauses) {
          atMs += gaps * gridMs + jitterMs + 1;
          take(stepping, { ...last, atMs, command: { kind: "advance" } });
        }
        take(jumping, { ...last, atMs, command: { kind: "advance" } });
        assertEquals(jumping.events, stepping.events);
        assertEquals(jumping.timeline, stepping.timeline);
      },
    ),
    { numRuns: sequences },
  );
});

Deno.test("a refused command changes nothing, and deciding changes nothing by itself", () => {
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      for (const step of steps) {
        take(campaign, { ...step, command: { kind: "advance" } });
        const before = structuredClone(campaign.state);
        const events = campaign.events.length;
        const frozen = deepFreeze(campaign.state);
        const { outcome } = take(campaign, step);
        assertEquals(frozen, before);
        if (outcome === "ok") continue;
        assertEquals(campaign.state, before, `${step.command.kind}: ${outcome}`);
        assertEquals(campaign.events.length, events);
      }
    }),
    { numRuns: sequences },
  );
});

Deno.test("timeline dates never decrease and are never ahead of the clock", () => {
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      for (const step of steps) {
        const { timeline } = take(campaign, step);
        const dates = [...timeline.map((entry) => entry.atMs), step.atMs];
        assertEquals(dates, dates.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: sequences },
  );
});

Deno.test("the next due instant is the first at which the clock does something", () => {
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      for (const step of steps) {
        take(campaign, step);
        const atMs = dueAtMs(campaign.state, config);
        assertEquals(due(campaign, { ...step, atMs: (atMs ?? farMs) - 1 }), []);
        if (atMs === null) continue;
        assert(atMs > step.atMs, "due already");
        assert(due(campaign, { ...step, atMs }).length > 0, "nothing is due when it should be");
      }
    }),
    { numRuns: sequences },
  );
});

Deno.test("what is announced as next comes then, once the audience is calculated", () => {
  fc.assert(
    fc.property(lives, ({ config, settings, steps }) => {
      const campaign = create(config, settings);
      for (const step of steps) {
        take(campaign, step);
        const next = nextBoundary(campaign.state, { ...config, nowMs: step.atMs });
        if (next === null) continue;
        const ahead: Campaign = { ...campaign, events: [], timeline: [] };
        const prepared = campaign.state.status === "preparing_to_publish" &&
          next.status === "posting";
        if (prepared) take(ahead, { ...step, command: { kind: "freeze_audience" } });
        take(ahead, { ...step, atMs: next.atMs, command: { kind: "advance" } });
        const { status, atMs } = ahead.timeline[0]!;
        assertEquals({ status, atMs }, next);
      }
    }),
    { numRuns: sequences },
  );
});

/** What the second of two equal commands is answered; where the first ended it, `campaign_ended`. */
const secondTime: Record<ModelCommand["kind"], Outcome> = {
  edit: "ok",
  advance: "ok",
  freeze_audience: "ok",
  activate: "already_active",
  stop: "already_stopped",
  restart: "not_stopped",
  end: "campaign_ended",
  delete: "not_writing",
};

/** Without these the sequences would prove less than they seem to. */
const mustBeMet = [
  "activate: already_active",
  "activate: not_writing",
  "activate: campaign_incomplete",
  "activate: end_in_past",
  "activate: platform_not_set_up",
  "activate: active_limit_reached",
  "activate: campaign_ended",
  "edit: audience_locked",
  "edit: start_locked",
  "edit: type_locked",
  "edit: end_in_past",
  "edit: campaign_incomplete",
  "edit: platform_not_set_up",
  "edit: invalid",
  "delete: not_writing",
  "stop: not_active",
  "stop: already_stopped",
  "restart: not_stopped",
  "restart: campaign_incomplete",
  "restart: platform_not_set_up",
  "restart: active_limit_reached",
  "restart: ok",
  "end: not_posting",
  "end: ok",
  "freeze_audience: ok",
  "writing",
  "waiting_to_post",
  "preparing_to_publish",
  "posting",
  "posting_reflecting_modifications",
  "stopped",
  "ended",
  "deleted",
];

const kind = (name: Exclude<ModelCommand["kind"], "edit">) =>
  fc.constant<ModelCommand>({ kind: name });
const grid = (min: number, max: number) => fc.integer({ min, max }).map((gaps) => gaps * gridMs);
const jitter = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constantFrom(-1, 1) },
);
const pause = fc.record({
  gaps: fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 24 }) },
    { weight: 1, arbitrary: fc.integer({ min: 24, max: 12 * 24 * 30 }) },
  ),
  jitterMs: jitter,
});

const platforms = fc.constantFrom<Platform[]>(["web"], ["web", "ios"], ["ios"]);
const audience = fc.constantFrom("all", "all", "aud_1", "aud_2", "all but aud_1");

/** One setting; `startMs` and `endMs` count from the instant of the command. */
const oneChange = fc.oneof<fc.WeightedArbitrary<Partial<ModelSettings>>[]>(
  { weight: 3, arbitrary: fc.record({ name: fc.constantFrom("Spring", "Autumn") }) },
  { weight: 1, arbitrary: fc.constant({ name: null }) },
  { weight: 2, arbitrary: fc.record({ description: fc.constantFrom("", "For us") }) },
  { weight: 3, arbitrary: fc.record({ body: fc.constantFrom("Words", "Other words", null) }) },
  { weight: 2, arbitrary: fc.record({ priority: fc.constantFrom(50, 70) }) },
  { weight: 2, arbitrary: fc.record({ audience }) },
  { weight: 2, arbitrary: fc.record({ platforms }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("modal_text", "modal_image_text") }),
  },
  { weight: 3, arbitrary: fc.record({ startMs: grid(-6, 30) }) },
  { weight: 1, arbitrary: fc.constant({ startMs: null }) },
  { weight: 3, arbitrary: fc.record({ endMs: grid(-6, 48) }) },
  { weight: 3, arbitrary: fc.record({ endMs: grid(48, 2_000) }) },
  { weight: 1, arbitrary: fc.constant({ endMs: null }) },
);
const change = fc.oneof(
  { weight: 4, arbitrary: oneChange },
  { weight: 1, arbitrary: fc.tuple(oneChange, oneChange).map(([a, b]) => ({ ...a, ...b })) },
);

const command = fc.oneof<fc.WeightedArbitrary<ModelCommand>[]>(
  { weight: 50, arbitrary: change.map((set) => ({ kind: "edit" as const, set })) },
  { weight: 30, arbitrary: kind("activate") },
  { weight: 20, arbitrary: kind("restart") },
  { weight: 25, arbitrary: kind("freeze_audience") },
  { weight: 12, arbitrary: kind("advance") },
  { weight: 12, arbitrary: kind("stop") },
  { weight: 3, arbitrary: kind("end") },
  { weight: 2, arbitrary: kind("delete") },
);

const surroundings = fc.record({
  othersActive: fc.constantFrom(0, 29, 29, 30, 31),
  platformsGone: fc.boolean(),
  audienceGone: fc.boolean(),
});

function usually(value: number, ...others: number[]) {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(value) }, {
    weight: 2,
    arbitrary: fc.constantFrom(...others),
  });
}

/** The number says how well it goes: 0 for an activation that everything may be against. */
function move(command: fc.Arbitrary<ModelCommand>) {
  return fc.tuple(pause, command, surroundings, fc.nat(5));
}

interface Life {
  config: ModelConfig;
  settings: ModelSettings;
  steps: ModelStep[];
}

/** Settings, and steps in time order until the campaign is deleted. */
const lives: fc.Arbitrary<Life> = fc.record({
  config: fc.record<ModelConfig>({
    prepareLeadMs: usually(60 * minuteMs, 0, gridMs, 24 * 60 * minuteMs),
    reflectWindowMs: usually(10 * minuteMs, 0, gridMs, 120 * minuteMs),
    activeLimit: fc.constant(30),
  }),
  settings: fc.record<ModelSettings>({
    name: fc.constant("Spring"),
    description: fc.constant(""),
    type: fc.constantFrom("modal_text", "modal_image_text"),
    platforms: fc.oneof({ weight: 5, arbitrary: fc.constant<Platform[]>(["web"]) }, {
      weight: 1,
      arbitrary: platforms,
    }),
    audience,
    startMs: fc.option(grid(-12, 48), { freq: 30 }),
    endMs: fc.option(fc.oneof(grid(1, 60), grid(60, 4_000)), { freq: 30 }),
    body: fc.option(fc.constant("Words"), { freq: 30 }),
    priority: fc.constant(50),
  }),
  platformsSetUp: fc.constantFrom<Platform[]>(["web"], ["web", "ios"]),
  opening: move(fc.oneof({ weight: 3, arbitrary: kind("activate") }, command)),
  moves: fc.array(move(command), { maxLength: 30, size: "max" }),
}).map(({ config, settings, platformsSetUp, opening, moves }) => {
  const startMs = settings.startMs === null ? null : createdMs + settings.startMs;
  const endMs = settings.endMs === null ? null : (startMs ?? createdMs) + settings.endMs;
  const steps: ModelStep[] = [];
  let gridAtMs = createdMs;
  for (const [{ gaps, jitterMs }, given, around, luck] of [opening, ...moves]) {
    gridAtMs += gaps * gridMs;
    const atMs = Math.max(gridAtMs + jitterMs, steps.at(-1)?.atMs ?? createdMs);
    // What is around matters to activation; now and then it forbids it.
    const goesLive = given.kind === "activate" || given.kind === "restart";
    const hard = goesLive && luck === 0;
    steps.push({
      atMs,
      command: given.kind === "edit" ? { kind: "edit", set: dated(given.set, gridAtMs) } : given,
      othersActive: luck < 2 ? around.othersActive : 29,
      platformsSetUp: hard && around.platformsGone ? [] : platformsSetUp,
      audienceExists: !(hard && around.audienceGone),
    });
  }
  return untilDeleted({ config, settings: { ...settings, startMs, endMs }, steps });
});

/** A deleted draft takes no further command: there is nothing to send one to. */
function untilDeleted({ config, settings, steps }: Life): Life {
  const seen = live(config, settings, createdMs, steps);
  const deleted = seen.findIndex(({ status }) => status === "deleted");
  return { config, settings, steps: deleted === -1 ? steps : steps.slice(0, deleted + 1) };
}

function dated(set: Partial<ModelSettings>, atMs: number): Partial<ModelSettings> {
  const moved = { ...set };
  if (typeof set.startMs === "number") moved.startMs = atMs + set.startMs;
  if (typeof set.endMs === "number") moved.endMs = atMs + set.endMs;
  return moved;
}

const idle: ModelStep = {
  atMs: createdMs,
  command: { kind: "advance" },
  othersActive: 0,
  platformsSetUp: ["web"],
  audienceExists: true,
};

interface Campaign {
  config: ModelConfig;
  state: CampaignState;
  events: CampaignEvent[];
  timeline: TimelineEntry[];
}

function create(config: ModelConfig, settings: ModelSettings): Campaign {
  const campaign: Campaign = { config, state: campaignDecider.initial, events: [], timeline: [] };
  const decision = campaignDecider.decide(
    { type: "create", settings: settingsOf(settings), copiedFrom: null },
    campaign.state,
    contextOf(campaign, idle),
  );
  assert(Array.isArray(decision), JSON.stringify(decision));
  append(campaign, decision, createdMs);
  return campaign;
}

function take(campaign: Campaign, step: ModelStep): Seen {
  append(campaign, due(campaign, step), step.atMs);
  const decision = campaignDecider.decide(
    commandOf(step.command),
    campaign.state,
    contextOf(campaign, step),
  );
  let outcome: Outcome = "ok";
  if ("refused" in decision) outcome = decision.refused;
  else if ("invalid" in decision) outcome = "invalid";
  else append(campaign, decision, step.atMs);
  const { status, contentRevision } = campaign.state;
  assert(status !== "none");
  return { outcome, status, revision: contentRevision, timeline: [...campaign.timeline] };
}

function due(campaign: Campaign, step: ModelStep): readonly CampaignEvent[] {
  return dueEvents(campaign.state, contextOf(campaign, step));
}

/** A new status is a new entry, dated at the boundary that the event names, else when recorded. */
function append(campaign: Campaign, events: readonly CampaignEvent[], timeMs: number): void {
  for (const event of events) {
    const before = campaign.state.status;
    campaign.state = campaignDecider.evolve(campaign.state, event, timeMs);
    campaign.events.push(event);
    campaignEventSchemas[event.type].parse(event.data);
    const { status } = campaign.state;
    if (status === before) continue;
    assert(status !== "none");
    campaign.timeline.push({
      status,
      atMs: "at" in event.data ? Date.parse(event.data.at) : timeMs,
      ...(event.type === "campaign_ended"
        ? { cause: event.data.neverPosted ? "never_posted" : event.data.cause }
        : {}),
    });
  }
}

function contextOf({ config }: Campaign, step: ModelStep): CampaignContext {
  return {
    ...config,
    nowMs: step.atMs,
    statusCheckMs: minuteMs,
    otherActiveCount: step.othersActive,
    platformsSetUp: step.platformsSetUp,
    audienceExists: () => step.audienceExists,
  };
}

function count(met: Map<string, number>, key: string): void {
  met.set(key, (met.get(key) ?? 0) + 1);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
