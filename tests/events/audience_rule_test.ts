/** What a rule of an audience may be: JsonLogic that reads attributes of the subject, and facts. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { audienceRuleFault } from "../../events/audience_rule.ts";
import { law } from "../support/laws.ts";

const accepted: unknown[] = [
  { "==": [{ var: "user.city" }, "Seoul"] },
  { var: "device.platform" },
  { var: ["facts.lastSeenDaysAgo", 999] },
  { "!": { var: "user.vip" } },
  { and: [{ "<": [{ var: "facts.lastSeenDaysAgo" }, 7] }, { ">=": [{ var: "user.age" }, 18] }] },
  { missing: ["user.email", "device.model"] },
  { missing: [["user.email"]] },
  { missing_some: [1, ["user.email", "user.phone"]] },
  { some: [{ var: "user.tags" }, { "==": [{ var: "" }, "vip"] }] },
  { all: [{ var: "user.orders" }, { ">": [{ var: "total" }, 10] }] },
  { "==": [1, 1] },
  { var: "facts.seen.cmp_1" },
];

const refused: [rule: unknown, code: string, path?: (string | number)[]][] = [
  [null, "invalid_rule"],
  [true, "invalid_rule"],
  ["user.city", "invalid_rule"],
  [[{ var: "user.city" }], "invalid_rule"],
  [{}, "invalid_rule"],
  [{ "==": [1, 1], "!=": [1, 2] }, "invalid_rule"],
  [{ log: ["a"] }, "unknown_operator", ["log"]],
  [{ var: "city" }, "invalid_rule", ["var"]],
  [{ var: "user" }, "invalid_rule", ["var"]],
  [{ var: "users.city" }, "invalid_rule", ["var"]],
  [{ var: "" }, "invalid_rule", ["var"]],
  [{ var: "user.__proto__" }, "invalid_rule", ["var"]],
  [{ and: [true, { "==": [{ var: "price" }, 1] }] }, "invalid_rule", ["and", 1, "==", 0, "var"]],
  [{ missing: ["user.email", "email"] }, "invalid_rule", ["missing"]],
  [{ missing: [["email"]] }, "invalid_rule", ["missing"]],
  [{ missing_some: [1, ["email"]] }, "invalid_rule", ["missing_some"]],
  [{ some: [{ var: "tags" }, { var: "" }] }, "invalid_rule", ["some", 0, "var"]],
  [{ "!": { var: "vip" } }, "invalid_rule", ["!", "var"]],
  [{ "==": [{ var: "user.text" }, "é".repeat(9_000)] }, "too_long"],
];

Deno.test("audience rule: over user, device and facts", () => {
  for (const rule of accepted) {
    assertEquals(audienceRuleFault(rule), null, JSON.stringify(rule));
  }
});

Deno.test("audience rule: everything else is refused, and it says where", () => {
  for (const [rule, code, path] of refused) {
    const fault = audienceRuleFault(rule);
    const told = JSON.stringify(rule).slice(0, 100);
    assertEquals(fault?.code, code, told);
    if (path) assertEquals(fault!.path, path, told);
  }
});

Deno.test("audience rule: no JSON makes it throw", () => {
  law(fc.jsonValue(), (value) => {
    const fault = audienceRuleFault(value);
    assert(fault === null || fault.message.length > 0);
  }, 500);
});
