/** What proves the log over HTTP: checkpoint, key, tiles and entries, as any client may check them. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { type CheckpointPlace, OlderStoreError } from "../../src/audit/mod.ts";
import { canonicalJson, raiseEpoch } from "../../src/event_store/mod.ts";
import {
  checkpointText,
  fromBase64,
  isSignature,
  openCheckpoint,
  parseCheckpoint,
  parseVerifierKey,
} from "../../src/audit/tlog/mod.ts";
import { assertProblem, openTestServer, presetKeys, type TestServer } from "../support/server.ts";
import { withServer } from "../support/server.ts";
import { TlogClient } from "../support/tlog_client.ts";

function clientOf({ placard }: TestServer, key: string | null = presetKeys.auditor): TlogClient {
  return new TlogClient(async (path) =>
    await placard.app.request(`/v1/audit/${path}`, {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    })
  );
}

/** So many commands on one campaign, with text that JSON has to escape. */
async function edits({ expect, draft }: TestServer, count: number): Promise<void> {
  const id = await draft({ name: 'Tulips "é" \\ 🌷' });
  const path = `/v1/campaigns/${id}`;
  for (let nth = 0; nth < count; nth++) {
    await expect(200, "PATCH", path, { body: { description: `nth ${nth} \u2028 "\\` } });
  }
}

const rotate = "/v1/audit/key/rotate";

Deno.test("audit: a client verifies the checkpoint, its tiles and its entries", () =>
  withServer(async (server) => {
    const client = clientOf(server);
    await edits(server, 3);
    const first = await client.checkpoint();
    assertMatch(first.origin, /^placard\.log\/[0-9a-f]{16}$/);
    await client.check(first);
    await edits(server, 600);
    const second = await client.checkpoint();
    assert(second.size > 600);
    const lines = await client.check(second);
    await client.checkContinues(first, second);
    const positions = lines.map((line) => JSON.parse(line).position);
    assertEquals(positions, positions.toSorted());
    for (const line of lines) assertEquals(canonicalJson(JSON.parse(line)), line);
  }, { checkedShare: 50 }));

Deno.test("audit: interactions are entries that name the digest of their body", () =>
  withServer(async (server) => {
    const campaignId = await server.campaignIn("posting");
    const interactions = [{
      id: "i1",
      kind: "impression",
      campaignId,
      platform: "web",
      deviceId: "d1",
      occurredAt: new Date(server.nowMs()).toISOString(),
    }];
    await server.expect(202, "POST", "/v1/interactions", { role: "sdk", body: { interactions } });
    const client = clientOf(server);
    const lines = await client.check(await client.checkpoint());
    const chunk = lines.map((line) => JSON.parse(line)).find(({ body }) => body);
    assertMatch(chunk.body.sha256, /^[0-9a-f]{64}$/);
  }));

Deno.test("audit: full tiles may be kept for ever, the checkpoint not at all", () =>
  withServer(async (server) => {
    await edits(server, 260);
    const { expect } = server;
    const tile = await expect(200, "GET", "/v1/audit/tile/0/000");
    assertEquals(tile.headers.get("cache-control"), "private, max-age=31536000, immutable");
    assertEquals(tile.headers.get("content-type"), "application/octet-stream");
    const checkpoint = await expect(200, "GET", "/v1/audit/checkpoint", { role: "auditor" });
    assertEquals(checkpoint.headers.get("cache-control"), "no-store");
    assertEquals(checkpoint.position, await server.end());
  }, { checkedShare: 20 }));

Deno.test("audit: a partial tile stays there when the tree has grown beyond it", () =>
  withServer(async (server) => {
    const client = clientOf(server);
    await edits(server, 3);
    const { size } = await client.checkpoint();
    const path = `tile/0/000.p/${size}`, entries = `tile/entries/000.p/${size}`;
    const before = [await client.bytes(path), await client.bytes(entries)];
    await edits(server, 300);
    assertEquals([await client.bytes(path), await client.bytes(entries)], before);
  }, { checkedShare: 50 }));

Deno.test("audit: what the tree has not is unknown, and so is what is no tile", () =>
  withServer(async ({ request }) => {
    const paths = ["0/000", "0/001.p/1", "1/000.p/1", "entries/000", "entries/000.p/200"]
      .concat(["0/0", "0/000.p/0", "9/000", "x/000", "0/x001/000", "0/000.p/1/1", "0/000.q/1"])
      .concat(["0/x001/x002/x003/004"]);
    for (const path of paths) {
      assertProblem(await request("GET", `/v1/audit/tile/${path}`), 404, "not_found");
    }
  }));

Deno.test("audit: an SDK key reads nothing of it, unless it is open to everybody", async () => {
  await withServer(async ({ request }) => {
    for (const path of ["checkpoint", "key", "tile/0/000.p/1", "tile/entries/000.p/1"]) {
      const asSdk = await request("GET", `/v1/audit/${path}`, { role: "sdk" });
      assertProblem(asSdk, 403, "forbidden");
      const asNobody = await request("GET", `/v1/audit/${path}`, { role: null });
      assertProblem(asNobody, 401, "unauthorized");
    }
    assertProblem(await request("POST", rotate, { role: "auditor", body: {} }), 403, "forbidden");
  });
  await withServer(async (server) => {
    await edits(server, 1);
    const client = clientOf(server, null);
    await client.check(await client.checkpoint());
    const tile = await server.expect(200, "GET", "/v1/audit/tile/0/000.p/1", { role: null });
    assertMatch(tile.headers.get("cache-control")!, /^public, /);
    const asNobody = await server.request("POST", rotate, { role: null, body: {} });
    assertProblem(asNobody, 401, "unauthorized");
  }, { publicAudit: true });
});

Deno.test("audit: a restart goes on with the same tree and key", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv, checkedShare: 50 });
  await edits(server, 300);
  const key = await clientOf(server).key();
  const before = await clientOf(server).checkpoint();
  await server.close();
  server = await openTestServer({ kv, checkedShare: 50 });
  const client = clientOf(server);
  assertEquals(await client.key(), key);
  assertEquals(await client.checkpoint(key), before);
  await edits(server, 300);
  const after = await client.checkpoint(key);
  await client.check(after);
  await client.checkContinues(before, after);
  await server.close();
  kv.close();
});

Deno.test("audit: a copy of the database, which has an epoch of its own, goes on with the tree", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv, checkedShare: 50 });
  await edits(server, 300);
  const before = await clientOf(server).checkpoint();
  await server.close();
  await raiseEpoch(kv);
  server = await openTestServer({ kv, checkedShare: 50 });
  await edits(server, 300);
  const client = clientOf(server);
  const after = await client.checkpoint();
  const lines = await client.check(after);
  await client.checkContinues(before, after);
  const epochs = lines.map((line) => JSON.parse(line).position.slice(0, 4));
  assertEquals(epochs, epochs.map((_, nth) => nth < before.size ? "0001" : "0002"));
  await server.close();
  kv.close();
});

Deno.test("audit: two instances tell of one tree, signed by one key", async () => {
  const kv = await Deno.openKv(":memory:");
  const [one, other] = [await openTestServer({ kv }), await openTestServer({ kv })];
  const [client, otherClient] = [clientOf(one), clientOf(other)];
  assertEquals(await client.key(), await otherClient.key());
  await edits(one, 5);
  await edits(other, 5);
  const position = await other.end();
  await one.expect(200, "GET", `/v1/audit/checkpoint?after=${position}`);
  const [checkpoint, otherCheckpoint] = [await client.checkpoint(), await otherClient.checkpoint()];
  assertEquals(checkpoint, otherCheckpoint);
  await client.check(checkpoint);
  await edits(one, 5);
  const newer = await client.checkpoint();
  // The other one has perhaps not read so far yet.
  await otherClient.check(newer);
  await one.close();
  await other.close();
  kv.close();
});

Deno.test("audit: the old key signs the new one, which signs from then on", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv });
  let client = clientOf(server);
  const [oldKey, oldNote, before] = [
    await client.key(),
    await client.note(),
    await client.checkpoint(),
  ];
  const body = { reason: "once a year" };
  const headers = { "idempotency-key": "once" };
  const answer = await server.expect(200, "POST", rotate, { body, headers });
  assertEquals(answer.json.from, oldKey.trim());
  assertEquals(`${answer.json.to}\n`, await client.key());
  assertNotEquals(await client.key(), oldKey);
  const after = await client.checkpoint(answer.json.to);
  await assertRejects(() => client.checkpoint(oldKey));
  assertEquals(openCheckpoint(oldNote, [parseVerifierKey(oldKey)]), before);
  await client.checkContinues(before, after);
  const lines = await client.check(after);
  const event = lines.map((line) => JSON.parse(line)).find(({ stream }) => stream === "notary");
  assertEquals([event.type, event.meta.reason], ["notary_key_rotated", "once a year"]);
  const { from, to, signature } = event.data;
  assertEquals([from, to], [answer.json.from, answer.json.to]);
  assert(isSignature(parseVerifierKey(oldKey).publicKey, to, fromBase64(signature)!));
  const again = await server.expect(200, "POST", rotate, { body, headers });
  assertEquals([again.json, again.position], [answer.json, answer.position]);
  await server.close();
  server = await openTestServer({ kv });
  client = clientOf(server);
  assertEquals((await client.checkpoint(to)).origin, before.origin);
  await server.close();
  kv.close();
});

Deno.test("audit: rotations at the same moment on two instances follow each other", async () => {
  const kv = await Deno.openKv(":memory:");
  const newSecret = () => crypto.getRandomValues(new Uint8Array(32)).toHex();
  const servers = [
    await openTestServer({ kv, newSecret }),
    await openTestServer({ kv, newSecret }),
  ];
  const first = (await clientOf(servers[0]!).key()).trim();
  const answers = await Promise.all(
    [0, 1, 0, 1, 0].map((which) =>
      servers[which]!.expect(200, "POST", rotate, { body: { reason: "test" } })
    ),
  );
  const next = new Map(answers.map(({ json }) => [json.from, json.to]));
  assertEquals(next.size, answers.length);
  let last = first;
  while (next.has(last)) {
    const to = next.get(last)!;
    next.delete(last);
    last = to;
  }
  assertEquals(next.size, 0);
  for (const server of servers) {
    await server.expect(200, "GET", `/v1/audit/key?after=${await servers[0]!.end()}`);
    await server.expect(200, "GET", `/v1/audit/key?after=${await servers[1]!.end()}`);
    const { origin } = await clientOf(server).checkpoint(last);
    assertEquals(last.split("+")[0], origin);
  }
  // Every private key that is kept belongs to a key that signed.
  const kept = await Array.fromAsync(kv.list({ prefix: ["default", "notary", "key"] }));
  assertEquals(kept.length, answers.length + 1);
  for (const server of servers) await server.close();
  kv.close();
});

class Kept implements CheckpointPlace {
  readonly name = "the file";
  note: string | null = null;

  read(): Promise<string | null> {
    return Promise.resolve(this.note);
  }

  write(note: string): Promise<void> {
    this.note = note;
    return Promise.resolve();
  }
}

Deno.test("audit: the newest checkpoint is kept at the end, and the same store goes on with it", async () => {
  const kv = await Deno.openKv(":memory:");
  const checkpointPlace = new Kept();
  let server = await openTestServer({ kv, checkpointPlace });
  await edits(server, 5);
  const newest = await clientOf(server).checkpoint();
  await server.close();
  assertEquals(parseCheckpoint(checkpointPlace.note!), newest);
  server = await openTestServer({ kv, checkpointPlace });
  await edits(server, 5);
  await server.close();
  assert(parseCheckpoint(checkpointPlace.note!).size > newest.size);
  kv.close();
});

Deno.test("audit: a start is refused where the kept checkpoint is not of this store", async () => {
  const kv = await Deno.openKv(":memory:");
  const checkpointPlace = new Kept();
  const server = await openTestServer({ kv, checkpointPlace });
  await edits(server, 300);
  await server.close();
  const note = checkpointPlace.note!;
  const kept = parseCheckpoint(note);
  const refused = async (text: string, why: string) => {
    checkpointPlace.note = text;
    const error = await assertRejects(
      () => openTestServer({ kv, checkpointPlace }),
      OlderStoreError,
      why,
    );
    assertMatch(error.message, /the file .+ take a newer backup; .+ move that file away/);
    assertEquals(checkpointPlace.note, text);
  };
  await refused(checkpointText({ ...kept, size: kept.size + 1 }), `proves ${kept.size + 1} events`);
  await refused(checkpointText({ ...kept, size: kept.size - 1 }), "proves other events");
  await refused(checkpointText({ ...kept, origin: "placard.log/other" }), "of another store");
  await refused("", "holds no checkpoint");
  checkpointPlace.note = note;
  await (await openTestServer({ kv, checkpointPlace })).close();
  checkpointPlace.note = null;
  await (await openTestServer({ kv, checkpointPlace })).close();
  assertNotEquals(checkpointPlace.note, null);
  kv.close();
});

Deno.test("audit: a checkpoint that cannot be kept is shown, and tried again", async () => {
  const checkpointPlace: CheckpointPlace = {
    name: "the file",
    read: () => Promise.resolve(null),
    write: () => Promise.reject(new Error("the disk is full")),
  };
  const server = await openTestServer({ checkpointPlace });
  await server.draft();
  await server.end();
  await server.placard.engine.proof.checkpoints.close();
  const { text } = await server.expect(200, "GET", "/metrics");
  assertMatch(text, /^placard_checkpoint_failing 1$/m);
  assertMatch(text, /^placard_proof_size [1-9]\d*$/m);
  assertMatch(text, /^placard_proof_lag_seconds 0$/m);
  await server.close();
});
