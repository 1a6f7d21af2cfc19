/** A small world of users and devices as plain tables, and who fits a rule in it by brute force. */
import fc from "fast-check";
import type { SubjectKind } from "../../events/profile_events.ts";
import { Pacer } from "../../src/snapshots/pacer.ts";
import type { RuleSources } from "../../src/snapshots/rule_calculation.ts";
import { evaluate, holds } from "../audience/reference.ts";

export const nowMs = Date.parse("2026-04-10T12:00:00.000Z");
const dayMs = 24 * 60 * 60 * 1000;

export interface Subject {
  readonly attributes: Record<string, unknown> | null;
  readonly seenDaysAgo: number | null;
  readonly seen: readonly string[];
  readonly did: readonly string[];
  readonly forgotten: boolean;
}

export interface Device extends Subject {
  /** Number of a user; 0: none. */
  readonly user: number;
}

/** By number − 1. */
export interface World {
  readonly users: readonly Subject[];
  readonly devices: readonly Device[];
}

const value = fc.oneof(
  fc.constantFrom("Seoul", "Oslo", "", null, true),
  fc.integer({ min: 0, max: 40 }),
  fc.array(fc.constantFrom("vip", "new", 3), { maxLength: 3 }),
);
const attributes = fc.option(
  fc.dictionary(fc.constantFrom("city", "age", "tags"), value, { maxKeys: 3 }),
);
const subject = {
  attributes,
  seenDaysAgo: fc.option(fc.integer({ min: 0, max: 5 })),
  seen: fc.subarray(["c1", "c2"]),
  did: fc.subarray(["buy", "cart.add"]),
  forgotten: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 0),
};

export const worlds: fc.Arbitrary<World> = fc.record({
  users: fc.array(fc.record(subject), { maxLength: 12 }),
  devices: fc.array(
    fc.record({ ...subject, user: fc.integer({ min: 0, max: 14 }) }),
    { maxLength: 16 },
  ),
});

const leaf = fc.oneof(
  ...["user", "device"].flatMap((kind) => [
    fc.constant({ "==": [{ var: `${kind}.city` }, "Seoul"] }),
    fc.integer({ min: 0, max: 40 }).map((age) => ({ ">=": [{ var: `${kind}.age` }, age] })),
    fc.constant({ in: ["vip", { var: `${kind}.tags` }] }),
    fc.constant({ missing: [`${kind}.city`] }),
    fc.constant({ some: [{ var: `${kind}.tags` }, { "==": [{ var: "" }, "new"] }] }),
  ]),
  fc.integer({ min: 0, max: 5 }).map((days) => ({
    and: [{ "!==": [{ var: "facts.lastSeenDaysAgo" }, null] }, {
      "<=": [{ var: "facts.lastSeenDaysAgo" }, days],
    }],
  })),
  fc.constant({ var: "facts.seen.c1" }),
  fc.constant({ "!": [{ var: "facts.clicked.c2" }] }),
  fc.constant({ var: "facts.did.cart.add" }),
  fc.constant({ "===": [{ var: "facts.did.unknown" }, false] }),
  fc.constant({ "==": [1, 1] }),
);
export const worldRules: fc.Arbitrary<unknown> = fc.oneof(
  leaf,
  fc.tuple(fc.constantFrom("and", "or"), fc.array(leaf, { minLength: 1, maxLength: 3 }))
    .map(([operator, args]) => ({ [operator]: args })),
  leaf.map((one) => ({ "!": [one] })),
);

/** "user 3", "device 1" of everybody who fits. */
export function bruteForce(world: World, rule: unknown): string[] {
  const text = JSON.stringify(rule);
  const overDevices = text.includes('"device.');
  const facts = ({ seenDaysAgo, seen, did }: Subject) => ({
    lastSeenDaysAgo: seenDaysAgo,
    firstSeenDaysAgo: seenDaysAgo,
    seen: Object.fromEntries(["c1", "c2"].map((id) => [id, seen.includes(id)])),
    clicked: { c1: false, c2: false },
    did: { buy: did.includes("buy"), cart: { add: did.includes("cart.add") }, unknown: false },
  });
  const fits = (of: Subject, user: unknown, device: unknown) =>
    holds(evaluate(rule, { user: user ?? {}, device: device ?? {}, facts: facts(of) }));
  const owner = (device: Device) => ownerOf(world, device);
  const found: string[] = [];
  world.users.forEach((user, index) => {
    if (user.forgotten) return;
    const own = world.devices.filter((device) => owner(device) === index + 1);
    const asked = overDevices && own.length > 0 ? own.map((one) => one.attributes) : [{}];
    if (asked.some((device) => fits(user, user.attributes, device))) {
      found.push(`user ${index + 1}`);
    }
  });
  world.devices.forEach((device, index) => {
    if (device.forgotten || owner(device) !== 0) return;
    if (fits(device, {}, device.attributes)) found.push(`device ${index + 1}`);
  });
  return found;
}

/** 0 for a forgotten device, for a forgotten user, and for one that there is not. */
function ownerOf(world: World, device: Device): number {
  const user = world.users[device.user - 1];
  return device.forgotten || !user || user.forgotten ? 0 : device.user;
}

/** The world as a calculation sees it. */
export function sourcesOf(world: World): Omit<RuleSources, "step" | "pacer"> {
  const table = (kind: SubjectKind): readonly Subject[] =>
    kind === "user" ? world.users : world.devices;
  const seenMs = (kind: SubjectKind, number: number) => {
    const days = table(kind)[number - 1]?.seenDaysAgo ?? null;
    return days === null ? 0 : nowMs - days * dayMs - 1;
  };
  const those = (kind: SubjectKind, name: string, of: "seen" | "did") => {
    const anybody = table(kind).some((one) => one[of].includes(name));
    if (!anybody) return undefined;
    return { has: (number: number) => table(kind)[number - 1]?.[of].includes(name) ?? false };
  };
  return {
    nowMs,
    highest: { user: world.users.length, device: world.devices.length },
    profiles: {
      async *scan(kind, from, to) {
        for (let number = from; number < to; number++) {
          const attributes = table(kind)[number - 1]?.attributes;
          if (attributes) yield { number, id: `${kind}-${number}`, attributes };
          await Promise.resolve();
        }
      },
    },
    subjects: {
      userOf: (device) => {
        const one = world.devices[device - 1];
        return one ? ownerOf(world, one) : 0;
      },
      lastSeenMs: seenMs,
      firstSeenMs: seenMs,
      seen: (kind, campaignId) => those(kind, campaignId, "seen"),
      clicked: () => undefined,
      did: (kind, name) => those(kind, name, "did"),
      isForgotten: (kind, number) => table(kind)[number - 1]?.forgotten ?? false,
    },
  };
}

/** Asks for a rest at every step, so that every step can be the last. */
export class RestlessPacer extends Pacer {
  override get isDue(): boolean {
    return true;
  }

  override rest(): Promise<void> {
    return Promise.resolve();
  }
}
