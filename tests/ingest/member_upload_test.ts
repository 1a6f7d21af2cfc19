/** Uploads of members over a store that fails: every line counts once, and what is told is true. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type MemberLine, MemberUpload, parseMemberLine } from "../../src/ingest/mod.ts";
import { usualFaults } from "../support/engines.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { asyncLaw, law, seed } from "../support/laws.ts";
import { withServer } from "../support/server.ts";

const meta = { actor: "key:test", commandId: "c", traceId: "t" };

const line: fc.Arbitrary<MemberLine> = fc.record({
  op: fc.constantFrom("add" as const, "remove"),
  kind: fc.constantFrom("user" as const, "device"),
  id: fc.constantFrom(...Array.from({ length: 12 }, (_, nth) => `id${nth}`)),
}, { noNullPrototype: true });

/** What the lines do, by sets of plain texts. */
function done(members: Set<string>, lines: readonly MemberLine[]) {
  const told = { added: 0, removed: 0, unchanged: 0 };
  for (const { op, kind, id } of lines) {
    const key = `${kind} ${id}`;
    if (members.has(key) === (op === "add")) told.unchanged++;
    else if (op === "add") told.added++;
    else told.removed++;
    if (op === "add") members.add(key);
    else members.delete(key);
  }
  return told;
}

Deno.test("members: told is what the lines did, over a store that fails", async () => {
  const plain = await Deno.openKv(":memory:");
  const kv = new FaultyKv(plain, { seed, ...usualFaults });
  await withServer(async (server) => {
    const body = { name: "n", kind: "list" };
    const { json: { id } } = await server.expect(201, "POST", "/v1/audiences", { body });
    const { memberUploads, models } = server.placard.engine;
    const members = new Set<string>();
    await asyncLaw(fc.array(line, { maxLength: 60 }), async (lines) => {
      const upload = new MemberUpload(memberUploads, id, meta);
      for (const one of lines) await upload.take(one);
      assertEquals(await upload.finish(), done(members, lines));
      assertEquals(models.audiences.model.get(id)!.size, members.size);
    }, 60);
    await kv.heal();
  }, { kv: kv.asKv() });
  plain.close();
});

Deno.test("members: no text makes the parser throw, and what it takes is as it was written", () => {
  const field = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
  const record = fc.record({
    op: fc.oneof(fc.constantFrom("add", "remove"), field),
    userId: field,
    deviceId: field,
  }, { requiredKeys: [] });
  const text = fc.oneof(fc.string(), fc.json(), record.map((value) => JSON.stringify(value)));
  law(text, (text) => {
    const parsed = parseMemberLine(text);
    if ("code" in parsed) return assert(parsed.message.length > 0);
    const { op, userId, deviceId } = JSON.parse(text);
    assertEquals(parsed, {
      op,
      kind: userId === undefined ? "device" : "user",
      id: userId ?? deviceId,
    });
  }, 1_000);
});
