/** The rules of an audience's life: given events, when a command, then events or what is wrong. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { AudienceEvent, AudienceRule } from "../../events/audience_events.ts";
import { mergePatch } from "../../events/campaign_settings.ts";
import { audienceRuleFault } from "../../events/audience_rule.ts";
import {
  type AudienceCommand,
  audienceDecider,
  type AudienceState,
} from "../../src/audience/mod.ts";
import { law } from "../support/laws.ts";

const seoul = { "==": [{ var: "user.city" }, "Seoul"] };
const busan = { "==": [{ var: "user.city" }, "Busan"] };
const adult = { ">=": [{ var: "user.age" }, 18] };

const created = (kind: "rule" | "list", rule: AudienceRule | null = null, name = "n") =>
  ({ type: "audience_created", schema: 1, data: { name, kind, rule } }) as const;
const edited = (set: { name?: string; rule?: AudienceRule }) =>
  ({ type: "audience_edited", schema: 1, data: { set } }) as const;
const deleted = { type: "audience_deleted", schema: 1, data: {} } as const;
const byRule = [created("rule", seoul)];
const list = [created("list")];
const edit = (patch: Extract<AudienceCommand, { type: "edit" }>["patch"]): AudienceCommand => ({
  type: "edit",
  patch,
});

function stateAfter(events: readonly AudienceEvent[]): AudienceState {
  return events.reduce(
    (state, event, index) => audienceDecider.evolve(state, event, index),
    audienceDecider.initial,
  );
}

/** Events, the code of a refusal, or "pointer code" of each fault. */
function decide(
  state: AudienceState,
  command: AudienceCommand,
  activeCampaigns: readonly string[] = [],
): AudienceEvent[] | string {
  const context = { activeCampaigns: () => activeCampaigns };
  const decision = audienceDecider.decide(command, state, context);
  if ("refused" in decision) return decision.refused;
  if (!("invalid" in decision)) return [...decision];
  return decision.invalid.map(({ pointer, code }) => `${pointer} ${code}`).join(", ");
}

type Row = [
  what: string,
  given: AudienceEvent[],
  when: AudienceCommand,
  then: AudienceEvent[] | string,
];

const table: Row[] = [
  ["a list", [], { type: "create", name: "n", kind: "list" }, list],
  ["a list, no rule said", [], { type: "create", name: "n", kind: "list", rule: null }, list],
  [
    "a list with a rule",
    [],
    { type: "create", name: "n", kind: "list", rule: seoul },
    "/rule forbidden",
  ],
  ["by rule", [], { type: "create", name: "n", kind: "rule", rule: seoul }, byRule],
  ["by no rule", [], { type: "create", name: "n", kind: "rule" }, "/rule required"],
  ["by a rule that is none", [], {
    type: "create",
    name: "n",
    kind: "rule",
    rule: { "==": [{ var: "city" }, 1] },
  }, "/rule/==/0/var invalid_rule"],
  [
    "by an operator that is none",
    [],
    { type: "create", name: "n", kind: "rule", rule: { log: 1 } },
    "/rule/log unknown_operator",
  ],
  ["another name", byRule, edit({ name: "m" }), [edited({ name: "m" })]],
  ["the same name", byRule, edit({ name: "n" }), []],
  ["nothing", byRule, edit({}), []],
  ["all as it was read", byRule, edit({ name: "n", kind: "rule", rule: seoul }), []],
  ["a list as it was read", list, edit({ name: "n", kind: "list", rule: null }), []],
  ["the other kind", byRule, edit({ kind: "list" }), "/kind invalid_value"],
  ["the other kind of a list", list, edit({ kind: "rule", rule: seoul }), "/kind invalid_value"],
  ["another rule", byRule, edit({ rule: busan }), [edited({ rule: busan })]],
  ["a rule of another operator", byRule, edit({ rule: adult }), [edited({ rule: adult })]],
  [
    "the same by the letter of a merge patch",
    byRule,
    edit({ rule: { "==": null, ...adult } }),
    [edited({ rule: adult })],
  ],
  ["no rule", byRule, edit({ rule: null }), "/rule required"],
  ["a rule that is none", byRule, edit({ rule: { log: 1 } }), "/rule/log unknown_operator"],
  ["a rule for a list", list, edit({ rule: seoul }), "/rule forbidden"],
  ["its end", byRule, { type: "delete" }, [deleted]],
];

Deno.test("audience: given events, when a command, then events or what is wrong", () => {
  for (const [what, given, when, then] of table) {
    assertEquals(decide(stateAfter(given), when), then, what);
  }
});

Deno.test("audience: one that active campaigns name is not deleted", () => {
  const state = stateAfter(list);
  assertEquals(decide(state, { type: "delete" }, ["c1"]), "audience_in_use");
  const many = Array.from({ length: 7 }, (_, index) => `c${index}`);
  const decision = audienceDecider.decide({ type: "delete" }, state, {
    activeCampaigns: () => many,
  });
  assertEquals(
    "refused" in decision && decision.detail,
    "Active campaigns use this audience: c0, c1, c2, c3, c4 and 2 more. Stop or end them first.",
  );
});

Deno.test("audience: nothing is asked of one that is not there", () => {
  for (const given of [[], [...list, deleted]]) {
    for (const command of [edit({ name: "m" }), { type: "delete" } as const]) {
      assertThrows(() => decide(stateAfter(given), command));
    }
  }
  const again = { type: "create", name: "n", kind: "list" } as const;
  assertThrows(() => decide(stateAfter(list), again));
});

const operand = fc.constantFrom<unknown>({ var: "user.a" }, { var: "device.b" }, 1, "x", null, [1]);
const rule = fc.oneof(
  fc.tuple(operand, operand).map((both) => ({ "==": both })),
  operand.map((one) => ({ "!": one })),
  fc.array(operand, { minLength: 1, maxLength: 3 }).map((all) => ({ and: all })),
) as fc.Arbitrary<AudienceRule>;

Deno.test("audience: an edit gives what a merge patch gives where that is a rule, else replaces", () => {
  law(fc.tuple(rule, rule), ([before, patch]) => {
    const state = stateAfter([created("rule", before)]);
    const events = decide(state, edit({ rule: patch })) as AudienceEvent[];
    const after = events.reduce((one, event) => audienceDecider.evolve(one, event, 9), state);
    const merged = mergePatch(before, patch) as AudienceRule;
    assertEquals(after.rule, audienceRuleFault(merged) === null ? merged : patch);
    assertEquals(decide(after, edit({ rule: patch })), [], "sent again it changes nothing");
  });
});
