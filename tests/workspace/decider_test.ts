/** The workspace's rules: what the environment may still say, and which keys there are. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type WorkspaceEvent, workspaceStream } from "../../events/workspace_events.ts";
import { WorkspaceProjection } from "../../projections/workspace.ts";
import {
  type WorkspaceCommand,
  workspaceDecider,
  type WorkspaceState,
} from "../../src/workspace/mod.ts";
import { law } from "../support/laws.ts";
import { TestLog } from "../support/recorded.ts";

const secretHash = "ab".repeat(32);

const seeded = (set: Extract<WorkspaceEvent, { type: "workspace_seeded" }>["data"]["set"]) =>
  ({ type: "workspace_seeded", schema: 1, data: { set } }) as const;
const changed = (set: Extract<WorkspaceEvent, { type: "workspace_changed" }>["data"]["set"]) =>
  ({ type: "workspace_changed", schema: 1, data: { set } }) as const;
const created = (keyId: string) =>
  ({
    type: "key_created",
    schema: 1,
    data: { keyId, name: "n", role: "sdk", secretHash },
  }) as const;
const revoked = (keyId: string) => ({ type: "key_revoked", schema: 1, data: { keyId } }) as const;
const seed = (timeZone: string, activeLimit: number): WorkspaceCommand => ({
  type: "seed",
  set: { timeZone, activeLimit },
});
const change = (set: Extract<WorkspaceCommand, { type: "change" }>["set"]): WorkspaceCommand => ({
  type: "change",
  set,
});
const create = (keyId: string): WorkspaceCommand => ({
  type: "create_key",
  keyId,
  name: "n",
  role: "sdk",
  secretHash,
});
const revoke = (keyId: string): WorkspaceCommand => ({ type: "revoke_key", keyId });

function stateAfter(events: readonly WorkspaceEvent[]): WorkspaceState {
  return events.reduce(
    (state, event) => workspaceDecider.evolve(state, event, 0),
    workspaceDecider.initial,
  );
}

/** What the command gives: its events, or the code that refuses it. */
function decide(state: WorkspaceState, command: WorkspaceCommand): WorkspaceEvent[] | string {
  const decision = workspaceDecider.decide(command, state, {});
  if ("invalid" in decision) return "invalid";
  return "refused" in decision ? decision.refused : [...decision];
}

type Row = [
  what: string,
  given: WorkspaceEvent[],
  when: WorkspaceCommand,
  then: WorkspaceEvent[] | string,
];

const table: Row[] = [
  ["the first start with what is default anyway", [], seed("UTC", 30), []],
  ["the first start", [], seed("Asia/Seoul", 30), [seeded({ timeZone: "Asia/Seoul" })]],
  ["all of it", [], seed("Asia/Seoul", 5), [seeded({ timeZone: "Asia/Seoul", activeLimit: 5 })]],
  ["the next start, nothing new", [seeded({ activeLimit: 5 })], seed("UTC", 5), []],
  ["the next start, back", [seeded({ activeLimit: 5 })], seed("UTC", 30), [
    seeded({ activeLimit: 30 }),
  ]],
  [
    "a patched setting wins over the environment",
    [changed({ activeLimit: 7 })],
    seed("UTC", 5),
    [],
  ],
  ["the others do not", [changed({ activeLimit: 7 })], seed("Asia/Seoul", 5), [
    seeded({ timeZone: "Asia/Seoul" }),
  ]],
  ["platforms are never the environment's", [changed({ platforms: [] })], seed("UTC", 30), []],
  ["a change", [], change({ activeLimit: 7 }), [changed({ activeLimit: 7 })]],
  ["a change of nothing", [], change({}), []],
  ["the default as the operator's word", [], change({ activeLimit: 30 }), [
    changed({ activeLimit: 30 }),
  ]],
  [
    "the seeded value as the operator's word",
    [seeded({ activeLimit: 5 })],
    change({ activeLimit: 5 }),
    [changed({ activeLimit: 5 })],
  ],
  ["the same again", [changed({ activeLimit: 7 })], change({ activeLimit: 7 }), []],
  [
    "only what differs",
    [changed({ activeLimit: 7, platforms: ["web", "ios"], timeZone: "UTC" })],
    change({ activeLimit: 8, platforms: ["web", "ios"], timeZone: "UTC" }),
    [changed({ activeLimit: 8 })],
  ],
  ["no platform at all", [], change({ platforms: [] }), [changed({ platforms: [] })]],
  ["a key", [], create("k1"), [created("k1")]],
  ["its end", [created("k1")], revoke("k1"), [revoked("k1")]],
  ["its end again", [created("k1"), revoked("k1")], revoke("k1"), "key_revoked"],
  ["a key that never was", [created("k1")], revoke("k2"), "key_revoked"],
  ...["constructor", "__proto__", "toString", "hasOwnProperty", ""].flatMap((id): Row[] => [
    [`no key ${id}`, [], revoke(id), "key_revoked"],
    [`a key ${id}`, [created("k"), created(id)], revoke(id), [revoked(id)]],
    [`no key ${id} any more`, [created(id), revoked(id)], revoke(id), "key_revoked"],
    [`the others beside ${id}`, [created("k"), created(id), revoked(id)], revoke("k"), [
      revoked("k"),
    ]],
  ]),
];

Deno.test("workspace: given events, when a command, then events or a code", () => {
  for (const [what, given, when, then] of table) {
    assertEquals(decide(stateAfter(given), when), then, what);
  }
});

Deno.test("workspace: what the operator has set survives any number of starts", () => {
  let state = stateAfter([seeded({ activeLimit: 5 }), changed({ activeLimit: 5 })]);
  for (const command of [seed("Asia/Seoul", 9), seed("UTC", 30), seed("Europe/Rome", 1)]) {
    for (const event of decide(state, command) as WorkspaceEvent[]) {
      state = workspaceDecider.evolve(state, event, 0);
    }
  }
  assertEquals(state.settings, {
    platforms: ["web"],
    timeZone: "Europe/Rome",
    activeLimit: 5,
  });
});

const timeZone = fc.constantFrom("UTC", "Asia/Seoul", "Europe/Rome");
const activeLimit = fc.constantFrom(1, 5, 30);
const keyId = fc.constantFrom("k1", "k2", "constructor", "__proto__", "toString", "7");
const command: fc.Arbitrary<WorkspaceCommand> = fc.oneof(
  fc.record({ type: fc.constant("seed" as const), set: fc.record({ timeZone, activeLimit }) }),
  fc.record({
    type: fc.constant("change" as const),
    set: fc.record({
      timeZone,
      activeLimit,
      platforms: fc.uniqueArray(fc.constantFrom("web" as const, "ios", "android")),
    }, { requiredKeys: [] }),
  }),
  fc.record({
    type: fc.constant("create_key" as const),
    keyId,
    name: fc.constantFrom("a", "b"),
    role: fc.constantFrom("operator" as const, "auditor", "sdk"),
    secretHash: fc.constant(secretHash),
  }),
  fc.record({ type: fc.constant("revoke_key" as const), keyId }),
);

Deno.test("workspace: the read model says what the decider's state says", () => {
  law(fc.array(command, { maxLength: 30 }), (commands) => {
    const log = new TestLog();
    const model = new WorkspaceProjection();
    let state = workspaceDecider.initial;
    commands.forEach((command, timeMs) => {
      // Ids of keys are random: no two keys ever have the same.
      if (command.type === "create_key" && Object.hasOwn(state.keys, command.keyId)) return;
      const before = structuredClone(state);
      const events = decide(state, command);
      if (typeof events === "string") return;
      for (const recorded of log.commit(workspaceStream, events, timeMs)) {
        state = workspaceDecider.evolve(state, recorded.event as WorkspaceEvent, timeMs);
        model.fold(recorded);
      }
      if (events.length === 0) assertEquals(state, before);
      assertEquals(
        decide(state, command),
        command.type === "create_key" ? events : repeated(command),
      );
      const { version, keys, ...settings } = model.row;
      assertEquals(version, log.version(workspaceStream));
      assertEquals(settings, { ...state.settings, platforms: [...state.settings.platforms] });
      assertEquals(
        new Map(keys.map(({ keyId, name, role }) => [keyId, { name, role }])),
        new Map(Object.entries(state.keys)),
      );
    });
  });
});

/** A command that is given again changes nothing. */
function repeated({ type }: WorkspaceCommand): WorkspaceEvent[] | string {
  return type === "revoke_key" ? "key_revoked" : [];
}
