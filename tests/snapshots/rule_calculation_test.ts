/** Who fits a rule: the calculation finds whom brute force finds, in one go and interrupted anywhere. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Members } from "../../src/snapshots/members.ts";
import { Pacer } from "../../src/snapshots/pacer.ts";
import { type Place, RuleCalculation } from "../../src/snapshots/rule_calculation.ts";
import { asyncLaw } from "../support/laws.ts";
import { bruteForce, RestlessPacer, sourcesOf, type World, worldRules, worlds } from "./world.ts";

class Killed extends Error {}

function membersOf(world: World, members: Members): string[] {
  const found: string[] = [];
  for (const [kind, { length }] of [["user", world.users], ["device", world.devices]] as const) {
    for (let number = 1; number <= length; number++) {
      if (members.has(kind, number)) found.push(`${kind} ${number}`);
    }
  }
  return found;
}

Deno.test("it finds whom brute force finds", () =>
  asyncLaw(fc.tuple(worlds, worldRules), async ([world, rule]) => {
    const members = new Members();
    const sources = { ...sourcesOf(world), pacer: new Pacer(), step: () => {} };
    const calculation = new RuleCalculation(rule, sources, members);
    await calculation.run();
    assertEquals(membersOf(world, members), bruteForce(world, rule));
    assertEquals(members.size, bruteForce(world, rule).length);
    assertEquals(calculation.scanned, world.users.length + world.devices.length);
    members.dispose();
  }, 1_000));

Deno.test("killed at any step, it goes on from the place and the members that were kept", () =>
  asyncLaw(
    fc.tuple(worlds, worldRules, fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 })),
    async ([world, rule, kills]) => {
      let place: Place | undefined;
      const members = new Members();
      let scanned = 0;
      for (const steps of [...kills, Infinity]) {
        let left = steps;
        const sources = {
          ...sourcesOf(world),
          pacer: new RestlessPacer(),
          step: (calculation: RuleCalculation) => {
            place = calculation.place;
            assert(calculation.scanned <= calculation.total);
            if (place.stage !== "load") {
              assert(calculation.scanned >= scanned, "it went back");
              scanned = calculation.scanned;
            }
            if (--left === 0) throw new Killed();
          },
        };
        const calculation = new RuleCalculation(rule, sources, members, place);
        await calculation.run().catch((error) => {
          if (!(error instanceof Killed)) throw error;
        });
      }
      assertEquals(membersOf(world, members), bruteForce(world, rule));
      members.dispose();
    },
    500,
  ));

Deno.test("whoever registers while it runs is not in it", async () => {
  const nobody = { attributes: null, seenDaysAgo: null, seen: [], did: [], forgotten: false };
  const world = { users: [nobody, nobody, nobody], devices: [{ ...nobody, user: 3 }] };
  const members = new Members();
  const calculation = new RuleCalculation({ "!": [{ var: "device.city" }] }, {
    ...sourcesOf(world),
    highest: { user: 2, device: 1 },
    pacer: new Pacer(),
    step: () => {},
  }, members);
  await calculation.run();
  assertEquals(membersOf(world, members), ["user 1", "user 2"]);
});
