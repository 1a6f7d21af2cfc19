/** The read model of audiences: rows, members of lists, and what each change of members came to. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encodeMemberChanges, type MemberChange } from "../../events/member_changes.ts";
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";
import { AudienceUsers } from "../../projections/audience_users.ts";
import { AudiencesProjection } from "../../projections/audiences.ts";
import type { CampaignRow } from "../../projections/campaigns.ts";
import { law } from "../support/laws.ts";
import { TestLog } from "../support/recorded.ts";

const rule = { "==": [{ var: "user.city" }, "Seoul"] };

/** A log of audiences, and all that it holds. */
class Scene {
  readonly log = new TestLog();
  readonly events: RecordedEvent[] = [];
  readonly model = new AudiencesProjection();
  #timeMs = 1_000;

  happen(stream: string, event: DomainEvent, body?: Uint8Array): RecordedEvent {
    const [recorded] = this.log.commit(stream, [event], this.#timeMs++);
    const whole = { ...recorded!, ...(body ? { body } : {}) };
    this.events.push(whole);
    this.model.fold(whole);
    return whole;
  }

  list(id: string): void {
    const data = { name: `list ${id}`, kind: "list", rule: null };
    this.happen(`audience/${id}`, { type: "audience_created", schema: 1, data });
  }

  delete(id: string): void {
    this.happen(`audience/${id}`, { type: "audience_deleted", schema: 1, data: {} });
  }

  change(id: string, changes: readonly MemberChange[]) {
    const data = { audienceId: id, count: changes.length };
    const event = { type: "members_changed", schema: 1, data };
    const { position } = this.happen("members/w", event, encodeMemberChanges(changes));
    return this.model.outcome(position);
  }
}

const add = (number: number, kind: MemberChange["kind"] = "user"): MemberChange => ({
  op: "add",
  kind,
  number,
});
const remove = (number: number, kind: MemberChange["kind"] = "user"): MemberChange => ({
  op: "remove",
  kind,
  number,
});

/** All rows, as a flush would write them. */
function rowsOf(model: AudiencesProjection): Map<string, string> {
  return new Map([...model.rowKeys()].sort().map((key) => [key, model.encodeRow(key).toBase64()]));
}

Deno.test("audiences: a row from creation over edits to deletion", () => {
  const { model, happen } = bound(new Scene());
  const data = { name: "Seoul", kind: "rule", rule };
  happen("audience/a", { type: "audience_created", schema: 1, data });
  const row = {
    id: "a",
    name: "Seoul",
    kind: "rule" as const,
    rule,
    version: 1,
    createdAtMs: 1_000,
    updatedAtMs: 1_000,
    deleted: false,
    size: 0,
  };
  assertEquals(model.get("a"), row);
  const set = { name: "Busan" };
  happen("audience/a", { type: "audience_edited", schema: 1, data: { set } });
  assertEquals(model.get("a"), { ...row, name: "Busan", version: 2, updatedAtMs: 1_001 });
  happen("audience/a", { type: "audience_deleted", schema: 1, data: {} });
  assertEquals(model.get("a"), undefined);
  assert(!model.exists("a"));
  assertEquals(model.get("b"), undefined);
});

function bound(scene: Scene) {
  return { model: scene.model, happen: scene.happen.bind(scene) };
}

Deno.test("audiences: each change counts by what it did, in order", () => {
  const scene = new Scene();
  scene.list("a");
  const first = [add(1), add(1), add(1, "device"), remove(2), remove(1), add(3)];
  assertEquals(scene.change("a", first), { added: 3, removed: 1, unchanged: 2 });
  assertEquals(scene.change("a", first), { added: 1, removed: 1, unchanged: 4 });
  assertEquals(scene.model.get("a")!.size, 2);
  assertEquals([...scene.model.members("a", "user").bitmap!], [3]);
  assertEquals([...scene.model.members("a", "device").bitmap!], [1]);
  assertEquals(scene.model.members("b", "user").size, 0);
});

Deno.test("audiences: members of what is no list, or not any more, change nothing", () => {
  const scene = new Scene();
  scene.happen("audience/r", {
    type: "audience_created",
    schema: 1,
    data: { name: "r", kind: "rule", rule },
  });
  scene.list("a");
  scene.change("a", [add(1), add(400_000)]);
  scene.delete("a");
  for (const id of ["r", "a", "nothing"]) {
    assertEquals(scene.change(id, [add(5)]), { added: 0, removed: 0, unchanged: 1 }, id);
    assertEquals(scene.model.members(id, "user").size, 0);
  }
});

Deno.test("audiences: whoever is forgotten is in no list", () => {
  const scene = new Scene();
  for (const id of ["a", "b"]) {
    scene.list(id);
    scene.change(id, [add(7), add(7, "device"), add(8)]);
  }
  const data = { kind: "user", number: 7 };
  scene.happen("profiles/w", { type: "person_forgotten", schema: 1, data });
  for (const id of ["a", "b"]) {
    assertEquals([...scene.model.members(id, "user").bitmap!], [8]);
    assertEquals(scene.model.get(id)!.size, 2);
  }
});

Deno.test("audiences: pages neither repeat nor skip while others come and go", () => {
  const scene = new Scene();
  for (let nth = 0; nth < 10; nth++) scene.list(`a${nth}`);
  const seen: string[] = [];
  let after: { createdAtMs: number; id: string } | undefined;
  for (let more = true; more;) {
    const page = scene.model.list({ limit: 3, ...(after ? { after } : {}) });
    seen.push(...page.rows.map(({ id }) => id));
    after = page.rows.at(-1);
    more = page.more;
    scene.list(`new${seen.length}`);
    scene.delete(page.rows[0]!.id);
  }
  assertEquals(seen, ["a9", "a8", "a7", "a6", "a5", "a4", "a3", "a2", "a1", "a0"]);
});

Deno.test("audiences: no row of a long list is large, and a small change rewrites one", () => {
  const scene = new Scene();
  scene.list("a");
  // Every other number: no container of the bitmap can be smaller.
  for (let first = 0; first < 1_200_000; first += 200_000) {
    const numbers = Array.from({ length: 100_000 }, (_, index) => first + 2 * index + 1);
    scene.change("a", numbers.map((number) => add(number)));
  }
  assertEquals(scene.model.get("a")!.size, 600_000);
  const sizes = scene.model.takeDirty().map((key) => scene.model.encodeRow(key).length);
  assert(sizes.length >= 6 && Math.max(...sizes) < 60_000, String(sizes));
  scene.change("a", [add(2)]);
  assertEquals(scene.model.takeDirty(), ["members/a/user/0"]);
  scene.change("a", [add(2), remove(4)]);
  assertEquals(scene.model.takeDirty(), [], "nothing has changed");
});

Deno.test("audiences: a change of members without its body is a bug", () => {
  const scene = new Scene();
  scene.list("a");
  const data = { audienceId: "a", count: 1 };
  assertThrows(() => scene.happen("members/w", { type: "members_changed", schema: 1, data }));
});

type Step =
  | { readonly type: "list" | "delete" | "flush" | "restart"; readonly id: string }
  | { readonly type: "change"; readonly id: string; readonly changes: readonly MemberChange[] }
  | { readonly type: "forget"; readonly number: number };

const id = fc.constantFrom("a", "b");
const number = fc.constantFrom(1, 2, 3, 262_143, 262_144, 600_000, 2 ** 32 - 1);
const kind = fc.constantFrom("user" as const, "device");
const change = fc.record({ op: fc.constantFrom("add" as const, "remove"), kind, number });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("change" as const),
      id,
      changes: fc.array(change, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom("list" as const, "delete", "flush", "restart"),
      id,
    }),
  },
  fc.record({ type: fc.constant("forget" as const), number }),
);

/** Sets in plain JavaScript. */
class Oracle {
  readonly lists = new Map<string, Set<string>>();
  readonly deleted = new Set<string>();

  take(step: Step): { added: number; removed: number; unchanged: number } | undefined {
    if (step.type === "list") this.lists.set(step.id, new Set());
    if (step.type === "delete") this.lists.delete(step.id);
    if (step.type === "forget") {
      for (const members of this.lists.values()) members.delete(`user ${step.number}`);
    }
    if (step.type !== "change") return undefined;
    const members = this.lists.get(step.id);
    const outcome = { added: 0, removed: 0, unchanged: 0 };
    for (const { op, kind, number } of step.changes) {
      const key = `${kind} ${number}`;
      if (!members || members.has(key) === (op === "add")) outcome.unchanged++;
      else if (op === "add") outcome.added++;
      else outcome.removed++;
      if (op === "add") members?.add(key);
      else members?.delete(key);
    }
    return outcome;
  }
}

/** The rows of a store: each as it was flushed last, some of them later than the checkpoint. */
class Rows {
  readonly stored = new Map<string, { bytes: Uint8Array; through: string }>();
  checkpoint = "";

  flush(
    model: AudiencesProjection,
    dirty: Iterable<string>,
    position: string,
    half: boolean,
  ): void {
    let nth = 0;
    for (const key of dirty) {
      if (half && nth++ % 2 === 1) continue;
      this.stored.set(key, { bytes: model.encodeRow(key), through: position });
    }
    if (!half) this.checkpoint = position;
  }

  restarted(events: readonly RecordedEvent[]): AudiencesProjection {
    const model = new AudiencesProjection();
    for (const [key, { bytes, through }] of this.stored) model.loadRow(key, bytes, through);
    for (const recorded of events) {
      if (recorded.position > this.checkpoint) model.fold(recorded);
    }
    return model;
  }
}

Deno.test("audiences: members are what a plain set says, and restarts change nothing", () => {
  law(fc.array(step, { maxLength: 40 }), (steps) => {
    const scene = new Scene();
    const oracle = new Oracle();
    const rows = new Rows();
    const unflushed = new Set<string>();
    for (const step of steps) {
      const present = step.type === "forget" || scene.model.exists(step.id);
      if (step.type === "list" && scene.log.version(`audience/${step.id}`) > 0) continue;
      if (step.type === "delete" && !present) continue;
      const expected = oracle.take(step);
      if (step.type === "list") scene.list(step.id);
      if (step.type === "delete") scene.delete(step.id);
      if (step.type === "change") assertEquals(scene.change(step.id, step.changes), expected);
      if (step.type === "forget") {
        const data = { kind: "user", number: step.number };
        scene.happen("profiles/w", { type: "person_forgotten", schema: 1, data });
      }
      for (const key of scene.model.takeDirty()) unflushed.add(key);
      const end = scene.events.at(-1)?.position ?? "";
      if (step.type === "flush") {
        const half = step.id === "b";
        rows.flush(scene.model, unflushed, end, half);
        if (!half) unflushed.clear();
      }
      if (step.type === "restart") {
        assertEquals(rowsOf(rows.restarted(scene.events)), rowsOf(scene.model));
      }
    }
    for (const [id, members] of oracle.lists) {
      const found = (["user", "device"] as const).flatMap((kind) =>
        [...scene.model.members(id, kind).bitmap ?? []].map((number) => `${kind} ${number}`)
      );
      assertEquals(new Set(found), members);
      assertEquals(scene.model.get(id)!.size, members.size);
    }
    assertEquals(rowsOf(rows.restarted(scene.events)), rowsOf(scene.model));
    const fresh = new AudiencesProjection();
    for (const recorded of scene.events) fresh.fold(recorded);
    assertEquals(rowsOf(fresh), rowsOf(scene.model));
  });
});

Deno.test("audience users: those that could still be shown because of it, each once", () => {
  const row = (id: string, status: string, audience: unknown) =>
    ({
      id,
      status,
      settings: { name: id, type: "modal_text", audience },
    }) as unknown as CampaignRow;
  const to = (audienceId: string, excludeAudienceId?: string) => ({
    kind: "audience",
    audienceId,
    ...(excludeAudienceId ? { excludeAudienceId } : {}),
  });
  const users = new AudienceUsers();
  const rows = [
    row("c3", "writing", to("a")),
    row("c1", "posting", to("a", "b")),
    row("c2", "stopped", to("a", "a")),
    row("c4", "ended", to("a")),
    row("c5", "deleted", to("a")),
    row("c6", "writing", { kind: "all", excludeAudienceId: "b" }),
    row("c7", "writing", undefined),
  ];
  rows.forEach((one) => users.set(one));
  assertEquals([users.of("a"), users.of("b"), users.of("c")], [
    ["c1", "c2", "c3"],
    ["c1", "c6"],
    [],
  ]);
  users.set(row("c2", "ended", to("a")));
  users.set(row("c1", "posting", to("b")));
  users.set(row("c7", "writing", to("c")));
  assertEquals([users.of("a"), users.of("b"), users.of("c")], [["c3"], ["c1", "c6"], ["c7"]]);
});
