/** Uploads of members: exact counts, one bad line never spoils the others, and broken ones sent again. */
import { assert, assertEquals } from "@std/assert";
import { membersStreamPrefix } from "../../events/audience_events.ts";
import { decodeMemberChanges } from "../../events/member_changes.ts";
import { cursorAtStart } from "../../src/event_store/mod.ts";
import { fsck } from "../../src/audit/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { processKeys, ServerProcess, until, withFolder } from "../support/process.ts";
import { assertProblem, openTestServer, type TestServer, withServer } from "../support/server.ts";

const encoder = new TextEncoder();
const ndjson = { "content-type": "application/x-ndjson" };

const add = (userId: string) => ({ op: "add", userId });
const remove = (userId: string) => ({ op: "remove", userId });
const users = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => add(`user-${from + index}`));
const text = (lines: readonly unknown[]) =>
  lines.map((line) => typeof line === "string" ? `${line}\n` : `${JSON.stringify(line)}\n`).join(
    "",
  );

async function makeList(server: TestServer): Promise<string> {
  const body = { name: "n", kind: "list" };
  const { json } = await server.expect(201, "POST", "/v1/audiences", { body });
  return `/v1/audiences/${json.id}`;
}

async function upload(
  server: TestServer,
  list: string,
  body: string | Uint8Array | ReadableStream,
  headers: Record<string, string> = {},
) {
  const answer = await server.request("POST", `${list}/members`, {
    body,
    headers: { ...ndjson, ...headers },
  });
  assertEquals(answer.status, 200, answer.text);
  const { errors, ...counts } = answer.json;
  return { counts, errors, answer };
}

async function members(server: TestServer): Promise<number[]> {
  const counts: number[] = [];
  for await (const row of server.placard.engine.reader.read(cursorAtStart)) {
    for (const { stream, body } of row.events) {
      if (stream.startsWith(membersStreamPrefix)) counts.push(decodeMemberChanges(body!).length);
    }
  }
  return counts;
}

Deno.test("members are added and removed in order, each line counts by what it did", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const lines = [
      add("ann"),
      add("ann"),
      { op: "add", deviceId: "ann" },
      remove("bob"),
      remove("ann"),
      add("bob"),
    ];
    const first = await upload(server, list, text(lines));
    assertEquals(first.counts, { added: 3, removed: 1, unchanged: 2, size: 2, rejected: 0 });
    const again = await upload(server, list, text(lines));
    assertEquals(again.counts, { added: 2, removed: 2, unchanged: 2, size: 2, rejected: 0 });
    assertEquals((await server.expect(200, "GET", list)).json.size, 2);
    assertEquals((await server.expect(200, "GET", list)).json.version, 1);
    assert(again.answer.position > first.answer.position);
  }));

Deno.test("whoever is removed and was never known stays unknown", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const nobody = await upload(server, list, text([remove("nobody")]));
    assertEquals(nobody.counts, { added: 0, removed: 0, unchanged: 1, size: 0, rejected: 0 });
    assertEquals(await members(server), []);
    await upload(server, list, text([add("ann"), remove("nobody")]));
    assertEquals(await members(server), [1]);
    // The next one known gets the next number.
    const { identities } = server.placard.engine.memberUploads;
    assertEquals((await identities.assign("user", ["bob"])).get("bob"), 2);
    assertEquals(await identities.find("user", "nobody"), undefined);
  }));

Deno.test("a bad line is named and the others hold", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const bad: [line: unknown, code: string][] = [
      ["{", "malformed_json"],
      ["7", "invalid_type"],
      ["[]", "invalid_type"],
      ["null", "invalid_type"],
      [{}, "required"],
      [{ op: "add" }, "required"],
      [{ op: "put", userId: "u" }, "invalid_value"],
      [{ op: "add", userId: "u", deviceId: "d" }, "invalid_value"],
      [{ op: "add", userId: 7 }, "invalid_type"],
      [{ op: "add", userId: "" }, "invalid_format"],
      [{ op: "add", userId: "u\n" }, "invalid_format"],
      ['{"op": "add", "userId": "\\ud800"}', "invalid_format"],
      [{ op: "add", userId: "u".repeat(257) }, "invalid_format"],
      [{ op: "add", userId: "u", name: "Ann" }, "unknown_field"],
      ['{"op": "add", "userId": "u", "__proto__": 1}', "unknown_field"],
      ["x".repeat(70_000), "line_too_long"],
    ];
    const lines = bad.flatMap(([line], nth) => [line, "", add(`good-${nth}`)]);
    const { counts, errors } = await upload(server, list, text(lines));
    const size = bad.length;
    assertEquals(counts, { added: size, removed: 0, unchanged: 0, size, rejected: size });
    assertEquals(
      errors.map(({ line, code }: { line: number; code: string }) => [line, code]),
      bad.map(([, code], nth) => [3 * nth + 1, code]),
    );
    const many = await upload(server, list, "x\n".repeat(1_000));
    assertEquals([many.counts.rejected, many.errors.length], [1_000, 100]);
    const utf8 = Uint8Array.of(0xff, 10, ...encoder.encode(text([add("last")])));
    const mixed = await upload(server, list, utf8);
    assertEquals([mixed.counts.added, mixed.errors[0].code], [1, "not_utf8"]);
  }));

Deno.test("an empty upload, one without a last line end, and one packed with gzip", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const none = { added: 0, removed: 0, unchanged: 0, size: 0, rejected: 0 };
    assertEquals((await upload(server, list, "")).counts, none);
    assertEquals((await upload(server, list, "\n\r\n \n")).counts, none);
    const bare = await upload(server, list, text([add("a"), add("b")]).trimEnd());
    assertEquals(bare.counts, { ...none, added: 2, size: 2 });
    const packed = new Blob([text(users(5_000))]).stream()
      .pipeThrough(new CompressionStream("gzip"));
    const gzip = { "content-encoding": "gzip" };
    const told = await upload(server, list, packed, gzip);
    assertEquals(told.counts, { ...none, added: 5_000, size: 5_002 });
    const broken = await server.request("POST", `${list}/members`, {
      body: text([add("c")]),
      headers: { ...ndjson, ...gzip },
    });
    assertProblem(broken, 400, "malformed_request");
  }));

Deno.test("only a list that is there takes members, as NDJSON", () =>
  withServer(async (server) => {
    const body = text([add("ann")]);
    const rule = { "==": [{ var: "user.city" }, "Seoul"] };
    const { json } = await server.expect(201, "POST", "/v1/audiences", {
      body: { name: "n", kind: "rule", rule },
    });
    const path = `/v1/audiences/${json.id}/members`;
    const byRule = await server.request("POST", path, { body, headers: ndjson });
    assertProblem(byRule, 409, "not_a_list");
    assertProblem(await server.request("POST", path, { body }), 415, "unsupported_media_type");
    const headers = { ...ndjson, "content-encoding": "br" };
    const list = await makeList(server);
    const brotli = await server.request("POST", `${list}/members`, { body, headers });
    assertProblem(brotli, 415, "unsupported_media_type");
    await server.expect(204, "DELETE", list);
    const gone = await server.request("POST", `${list}/members`, { body, headers: ndjson });
    assertProblem(gone, 404, "not_found");
    assertEquals(await members(server), []);
  }));

Deno.test("a large upload goes chunk by chunk, and each is there before the next but one is read", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const { engine } = server.placard;
    const id = list.split("/").at(-1)!;
    let made = 0;
    let aheadMost = 0;
    const lines = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (made === 100_000) return controller.close();
        aheadMost = Math.max(aheadMost, made - engine.models.audiences.model.get(id)!.size);
        controller.enqueue(encoder.encode(text(users(500, made))));
        made += 500;
      },
    }, { highWaterMark: 0 });
    const { counts } = await upload(server, list, lines);
    assertEquals(counts, { added: 100_000, removed: 0, unchanged: 0, size: 100_000, rejected: 0 });
    assert(aheadMost < 40_000, `${aheadMost} lines were read before they were stored`);
    const events = await members(server);
    assert(events.length >= 10 && events.reduce((a, b) => a + b, 0) === 100_000, String(events));
    const again = await upload(server, list, text(users(100_000)));
    assertEquals(again.counts.unchanged, 100_000);
  }));

Deno.test("an upload that breaks off keeps what has come, and is sent again", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const whole = encoder.encode(text(users(30_000)));
    const cut = new ReadableStream<Uint8Array>({
      start(controller) {
        // In the middle of a line.
        controller.enqueue(whole.subarray(0, whole.length / 2));
      },
      pull: (controller) => controller.error(new Error("the caller has gone")),
    });
    const broken = await server.request("POST", `${list}/members`, { body: cut, headers: ndjson });
    assertProblem(broken, 503, "body_not_received");
    const { size } = (await server.expect(200, "GET", list)).json;
    assert(size > 14_000 && size < 16_000, String(size));
    const { counts } = await upload(server, list, whole);
    assertEquals(counts, {
      added: 30_000 - size,
      removed: 0,
      unchanged: size,
      size: 30_000,
      rejected: 0,
    });
  }));

Deno.test("an Idempotency-Key gives the first counts again; another body under it is refused", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const key = { "idempotency-key": "upload-1" };
    const body = text([...users(3), "x"]);
    const first = await upload(server, list, body, key);
    assertEquals(first.counts, { added: 3, removed: 0, unchanged: 0, size: 3, rejected: 1 });
    const again = await upload(server, list, body, key);
    assertEquals([again.answer.text, again.answer.position], [
      first.answer.text,
      first.answer.position,
    ]);
    const other = await server.request("POST", `${list}/members`, {
      body: text(users(4)),
      headers: { ...ndjson, ...key },
    });
    assertProblem(other, 422, "idempotency_key_reused");
    const both = await Promise.all(
      [1, 2].map(() => upload(server, list, text(users(9)), { "idempotency-key": "at-once" })),
    );
    assertEquals(both[0]!.answer.text, both[1]!.answer.text);
    assertEquals((await server.expect(200, "GET", list)).json.size, 9);
  }));

Deno.test("uploads at once, to one list and to others, each count what they did", () =>
  withServer(async (server) => {
    const lists = [await makeList(server), await makeList(server)];
    const told = await Promise.all(
      Array.from(
        { length: 8 },
        (_, nth) => upload(server, lists[nth % 2]!, text(users(12_000, 3_000 * nth))),
      ),
    );
    for (const [nth, list] of lists.entries()) {
      const mine = told.filter((_, index) => index % 2 === nth).map(({ counts }) => counts);
      const added = mine.reduce((sum, one) => sum + one.added, 0);
      const { size } = (await server.expect(200, "GET", list)).json;
      // The users of four uploads, 6,000 apart, overlap by half.
      assertEquals([added, size], [30_000, 30_000]);
      for (const one of mine) assertEquals(one.added + one.unchanged, 12_000);
    }
  }));

Deno.test("a list that is deleted while its members are on their way is not there", () =>
  withServer(async (server) => {
    const list = await makeList(server);
    const half = Promise.withResolvers<void>();
    const lines = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(encoder.encode(text(users(12_000))));
        await server.expect(204, "DELETE", list);
        controller.enqueue(encoder.encode(text(users(12_000, 12_000))));
        controller.close();
        half.resolve();
      },
    }, { highWaterMark: 0 });
    const answer = await server.request("POST", `${list}/members`, {
      body: lines,
      headers: ndjson,
    });
    await half.promise;
    assertProblem(answer, 404, "not_found");
    await server.expect(404, "GET", list);
  }));

Deno.test("members survive a restart, and the store is sound", async () => {
  const kv = await Deno.openKv(":memory:");
  const first = await openTestServer({ kv });
  const list = await makeList(first);
  await upload(first, list, text([...users(20_000), ...[1, 2, 3].map((n) => remove(`user-${n}`))]));
  const gone = await makeList(first);
  await upload(first, gone, text(users(10)));
  await first.expect(204, "DELETE", gone);
  await first.close();
  const second = await openTestServer({ kv });
  assertEquals((await second.expect(200, "GET", list)).json.size, 19_997);
  const { counts } = await upload(second, list, text(users(20_000)));
  assertEquals([counts.added, counts.unchanged], [3, 19_997]);
  await second.close();
  const found = await fsck(kv, Object.values(mountedModels(kv)).map(({ create }) => create));
  assertEquals(found.faults, []);
  assertEquals(found.counts["changes of members"], 40_013);
  kv.close();
});

Deno.test("a server that is killed in the middle keeps what it had, and the upload is sent again", () =>
  withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    const killed = await ServerProcess.start({ kv });
    const body = { name: "n", kind: "list" };
    const { id } = (await killed.expect(201, "POST", "/v1/audiences", { body })).json;
    const path = `/v1/audiences/${id}`;
    const send = (server: ServerProcess, lines: ReadableStream<Uint8Array> | string) =>
      fetch(`http://127.0.0.1:${server.port}${path}/members`, {
        method: "POST",
        headers: { ...ndjson, authorization: `Bearer ${processKeys.operator}` },
        body: lines,
      });
    let from = 0;
    let over = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (over) return controller.close();
        controller.enqueue(encoder.encode(text(users(500, from))));
        from += 500;
      },
    }, { highWaterMark: 0 });
    const lost = send(killed, endless).then((answer) => answer.body?.cancel(), () => {});
    let size = 0;
    await until("some are stored", async () => {
      size = (await killed.expect(200, "GET", path)).json.size;
      return size > 0;
    });
    await killed.kill();
    over = true;
    await lost;
    const revived = await ServerProcess.start({ kv });
    const after = (await revived.expect(200, "GET", path)).json.size;
    assert(after >= size, `${after} are left of ${size}`);
    const told = await (await send(revived, text(users(30_000)))).json();
    assertEquals([told.added + told.unchanged, told.rejected], [30_000, 0]);
    assertEquals(told.unchanged, Math.min(after, 30_000));
    await revived.stop();
  }));
