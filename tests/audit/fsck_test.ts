/** A clean store has no faults; every kind of damage is named. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RoaringBitmap32 } from "roaring-wasm";
import { fsck } from "../../src/audit/mod.ts";
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import { encodeMemberChanges } from "../../events/member_changes.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";
import { canonicalJson, eventHash, keys, sha256Hex } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { range } from "../event_store/counters.ts";
import { runTask, withFolder } from "../support/process.ts";
import { openTestServer, type TestServer } from "../support/server.ts";
import { fill, interact, people } from "./filled.ts";

interface Store {
  readonly kv: Deno.Kv;
  readonly server: TestServer;
}

/** A store in which something of everything has happened, flushed and closed. */
async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    const server = await openTestServer({ kv });
    await fill(server);
    await server.close();
    await body({ kv, server });
  } finally {
    kv.close();
  }
}

const check = (kv: Deno.Kv) =>
  fsck(kv, Object.values(mountedModels(kv)).map(({ create }) => create));

interface LogEntry {
  readonly key: Deno.KvKey;
  readonly value: Uint8Array;
}

async function logRows(kv: Deno.Kv): Promise<LogEntry[]> {
  return await Array.fromAsync(kv.list<Uint8Array>({ prefix: keys.logPrefix(1) }));
}

// deno-lint-ignore no-explicit-any -- a row of the log, to be damaged
type Row = any;

/** Changes the first row of the log for which `change` does not return false. */
async function changeRow(
  kv: Deno.Kv,
  change: (row: Row) => boolean | void,
  encode: (row: Row) => string = canonicalJson,
): Promise<void> {
  for (const { key, value } of await logRows(kv)) {
    const row = JSON.parse(new TextDecoder().decode(value));
    if (change(row) === false) continue;
    await kv.set(key, new TextEncoder().encode(encode(row)));
    return;
  }
  throw new Error("no row to change");
}

async function first(kv: Deno.Kv, prefix: Deno.KvKey): Promise<Deno.KvEntry<Row>> {
  for await (const entry of kv.list({ prefix })) return entry;
  throw new Error(`nothing under ${prefix.join()}`);
}

const memberBody = (number: number) => encodeMemberChanges([{ op: "add", kind: "user", number }]);

const snapshotPrefix = keys.snapshotPrefix("").slice(0, 2);

interface Forged {
  /** What the event says; 1 where missing. */
  readonly count?: number;
  readonly item?: Partial<ChunkItem>;
  /** Instead of the chunk. */
  readonly body?: Uint8Array;
  /** Of the workspace, instead of interactions. */
  readonly command?: boolean;
  /** Of members of a list, instead of interactions. */
  readonly members?: boolean;
}

/** Appends a row that is sound by itself but for what is asked; `more` goes into its commit. */
async function forge(
  kv: Deno.Kv,
  { count = 1, item = {}, body, command = false, members = false }: Forged,
  more: (operation: Deno.AtomicOperation) => unknown = () => {},
): Promise<void> {
  const chunk = body ?? encodeChunk([{ ...honest, ...item }]);
  const ref = { ref: "forged", parts: 1, bytes: chunk.length, sha256: sha256Hex(chunk) };
  const meta = { actor: "sdk", commandId: "c", traceId: "t" };
  const common = { version: 1, schema: 1, time: "2026-05-01T00:00:00.000Z", meta, hash: "" };
  const stored: StoredEvent = command
    ? { ...common, stream: "campaign/forged", type: "campaign_deleted", data: {} }
    : {
      ...common,
      stream: members ? "members/forged" : "interactions/forged",
      type: members ? "members_changed" : "interactions_recorded",
      data: members ? { audienceId: "a", count } : { count },
      body: ref,
    };
  const row = { commitId: "forged", events: [{ ...stored, hash: eventHash(stored, "") }] };
  const key = [...keys.logPrefix(1), kv.commitVersionstamp()] as unknown as Deno.KvKey;
  const operation = kv.atomic().set(key, new TextEncoder().encode(canonicalJson(row)));
  if (!command) operation.set(keys.body("forged", 0), chunk);
  more(operation);
  assert((await operation.commit()).ok);
}

const honest: ChunkItem = {
  digest: new Uint8Array(16),
  kind: "impression",
  campaignId: "cmp",
  device: 1,
  user: 0,
  occurredAtMs: Date.parse("2026-05-01T00:00:00.000Z"),
  platform: "web",
  revision: 1,
  elementId: null,
  variant: null,
  name: null,
  session: 0,
  claim: null,
};

/** A sound row after all that was changed. */
async function commandAfter(kv: Deno.Kv): Promise<void> {
  const server = await openTestServer({ kv });
  await server.expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 7 } });
  await server.close();
}

const answer = (commitId: string, index: number) => ({
  requestHash: "h",
  answer: null,
  epoch: 1,
  commitId,
  index,
});

const ofType = (type: string) => (row: Row) => row.events.find((one: Row) => one.type === type);

/** By name: what is done to the store, and what the report must then say. */
const damages: Record<string, [(kv: Deno.Kv) => Promise<unknown>, string[]]> = {
  "a profile is altered": [
    async (kv) => {
      const { key, value } = await first(kv, keys.profilePrefix("user"));
      await kv.set(key, { ...value, attributes: '{"name":"x"}' });
      await commandAfter(kv);
    },
    ["is not what the log says"],
  ],
  "a profile is missing": [
    async (kv) => kv.delete((await first(kv, keys.profilePrefix("device"))).key),
    ["the profile of device", "is missing"],
  ],
  "a profile is of somebody else": [
    async (kv) => {
      const { key, value } = await first(kv, keys.profilePrefix("user"));
      await kv.set(key, { ...value, id: "x" });
      await commandAfter(kv);
    },
    ["is not of the id that the register has"],
  ],
  "a forgotten person is still in the register": [
    async (kv) => {
      const prefix = keys.identityPrefix("user");
      const held = await Array.fromAsync(kv.list<number>({ prefix }), ({ value }) => value);
      const forgotten = [1, 2, 3].find((number) => !held.includes(number))!;
      await kv.set(keys.identityNumber("user", "back"), forgotten);
    },
    ["of a forgotten person"],
  ],
  "a profile of nobody": [
    async (kv) => {
      const { value } = await first(kv, keys.profilePrefix("user"));
      await kv.set(keys.profile("user", 77), value);
      await commandAfter(kv);
    },
    ["the profile of user 77 is in no event"],
  ],
  "a body of profiles is none": [
    (kv) =>
      changeRow(kv, (row) => {
        const event = ofType("profiles_changed")(row);
        if (event) event.data.count = 3;
        return event !== undefined;
      }),
    ["has 1 profiles, not 3"],
  ],
  "a row is no JSON": [
    async (kv) => kv.set((await logRows(kv))[3]!.key, new Uint8Array([1, 2, 3])),
    ["of the log cannot be decoded"],
  ],
  "a row is no bytes": [
    async (kv) => kv.set((await logRows(kv))[3]!.key, "text"),
    ["of the log cannot be decoded"],
  ],
  "a row has no events": [
    (kv) => changeRow(kv, (row) => void (row.events = [])),
    ["has no events"],
  ],
  "an event is none": [
    (kv) => changeRow(kv, (row) => void (row.events[0] = null)),
    ["of the log cannot be decoded"],
  ],
  "a row is not canonical": [
    (kv) => changeRow(kv, () => {}, (row) => JSON.stringify(row, null, 1)),
    ["is not canonical JSON"],
  ],
  "an event's data does not fit its type": [
    (kv) =>
      changeRow(kv, (row) => {
        const event = ofType("campaign_ended")(row);
        if (!event) return false;
        event.data.cause = "nobody";
        return true;
      }),
    ["has data that is no campaign_ended", "does not fit"],
  ],
  "an event's type is unknown": [
    (kv) => changeRow(kv, (row) => void (row.events[0].type = "campaign_vanished")),
    ["has the type campaign_vanished"],
  ],
  "an event stands in a strange stream": [
    (kv) => changeRow(kv, (row) => void (row.events[0].stream = "stranger")),
    ["the stream stranger, which nobody knows"],
  ],
  "an event's envelope has a strange member": [
    (kv) => changeRow(kv, (row) => void (row.events[0].extra = 1)),
    ["is no event"],
  ],
  "an event was altered": [
    (kv) =>
      changeRow(kv, (row) => {
        const event = ofType("campaign_created")(row);
        if (!event) return false;
        event.data.settings.name = "Forged";
        return true;
      }),
    ["the hash of campaign/"],
  ],
  "an event was altered and its hash with it": [
    (kv) =>
      changeRow(kv, (row) => {
        const event = ofType("campaign_created")(row);
        if (!event) return false;
        event.hash = "0".repeat(64);
        return true;
      }),
    ["the hash of campaign/"],
  ],
  "a row was removed": [
    async (kv) => {
      const created = (await logRows(kv)).find(({ value }) =>
        new TextDecoder().decode(value).includes("campaign_created")
      );
      await kv.delete(created!.key);
    },
    ["goes from version 0 to 2", "has no row in the log"],
  ],
  "a version was skipped": [
    (kv) =>
      changeRow(kv, (row) => {
        const event = ofType("campaign_ended")(row);
        if (!event) return false;
        event.version += 1;
        return true;
      }),
    ["goes from version"],
  ],
  "a commit entry names no row": [
    (kv) => kv.set(keys.commit("lost"), { epoch: 1, count: 1 }),
    ["commit lost has no row in the log"],
  ],
  "a commit entry names another count": [
    (kv) =>
      forge(kv, {}, (operation) => operation.set(keys.commit("forged"), { epoch: 1, count: 9 })),
    ["commit forged says 9 events, its row has 1"],
  ],
  "a commit entry stands at another commit's row": [
    (kv) =>
      forge(kv, {}, (operation) => operation.set(keys.commit("other"), { epoch: 1, count: 1 })),
    ["commit other stands at the row of commit forged"],
  ],
  "an answer names another commit": [
    (kv) => forge(kv, {}, (operation) => operation.set(keys.command("s", "k"), answer("other", 0))),
    ["under k names commit other, its row is of forged"],
  ],
  "an answer names an event that the row lacks": [
    (kv) =>
      forge(kv, {}, (operation) => operation.set(keys.command("s", "k"), answer("forged", 1))),
    ["under k refers to event 1 of a row of 1"],
  ],
  "a chunk has another count": [
    (kv) => forge(kv, { count: 2 }),
    ["the chunk forged has 1 interactions, not 2"],
  ],
  "a chunk names a device that was never numbered": [
    (kv) => forge(kv, { item: { device: 99 } }),
    ["the device number 99 is above the counter, 20"],
  ],
  "a chunk names a user that was never numbered": [
    (kv) => forge(kv, { item: { user: 98 } }),
    ["the user number 98 is above the counter, 7"],
  ],
  "an interaction has no device": [
    (kv) => forge(kv, { item: { device: 0 } }),
    ["interaction 0 has no device"],
  ],
  "a chunk cannot be decoded": [
    (kv) => forge(kv, { body: new Uint8Array([7, 7, 7]) }),
    ["the chunk forged cannot be decoded"],
  ],
  "changes of members have another count": [
    (kv) => forge(kv, { members: true, count: 2, body: memberBody(1) }),
    ["there are 1 changes of members, not 2"],
  ],
  "a change of members names a user that was never numbered": [
    (kv) => forge(kv, { members: true, body: memberBody(97) }),
    ["the user number 97 is above the counter, 7"],
  ],
  "changes of members cannot be decoded": [
    (kv) => forge(kv, { members: true, body: new Uint8Array([7, 7, 7]) }),
    ["the members cannot be decoded"],
  ],
  "the tip is behind": [
    (kv) => forge(kv, { command: true }),
    ["is before the last commit of commands, forged"],
  ],
  "a body is missing": [
    async (kv) => kv.delete((await first(kv, keys.bodyPrefix())).key),
    ["lacks part 0 of 1"],
  ],
  "a body is shorter": [
    async (kv) => {
      const { key, value } = await first(kv, keys.bodyPrefix());
      await kv.set(key, value.slice(1));
    },
    ["bytes, not"],
  ],
  "a body was altered": [
    async (kv) => {
      const { key, value } = await first(kv, keys.bodyPrefix());
      value[20] ^= 1;
      await kv.set(key, value);
    },
    ["has another SHA-256"],
  ],
  "a body belongs to nobody": [
    (kv) => kv.set(keys.body("orphan", 0), new Uint8Array([1])),
    ["part 0 of body orphan belongs to no event"],
  ],
  "a body has a part too many": [
    async (kv) => {
      const { key } = await first(kv, keys.bodyPrefix());
      await kv.set([...key.slice(0, -1), 1], new Uint8Array([1]));
    },
    ["part 1 of body"],
  ],
  "the counter of devices went back": [
    (kv) => kv.set(keys.identityCounter("device"), 3),
    ["the device number 20 is above the counter, 3"],
  ],
  "the counter of users is gone": [
    (kv) => kv.delete(keys.identityCounter("user")),
    ["the user number 7 is above the counter, 0"],
  ],
  "two devices have one number": [
    (kv) => kv.set(keys.identityNumber("device", "d3"), 1),
    ["have the same number 1"],
  ],
  "a number is none": [
    (kv) => kv.set(keys.identityNumber("device", "d3"), "three"),
    ["device d3 has the number three"],
  ],
  "an answer refers to no row": [
    async (kv) => {
      const { key, value } = await first(kv, keys.commandPrefix());
      await kv.set(key, { ...value, index: 0, position: undefined });
    },
    ["refers to a row that is not in the log"],
  ],
  "an answer refers to no event": [
    async (kv) => {
      const { key, value } = await first(kv, keys.commandPrefix());
      await kv.set(key, { ...value, index: undefined, position: `0001-${"f".repeat(20)}-0000` });
    },
    ["where no event stands"],
  ],
  "the tip is gone": [(kv) => kv.delete(keys.tip()), ["the tip is missing"]],
  "the tip names an earlier commit": [
    async (kv) => {
      const row = JSON.parse(new TextDecoder().decode((await logRows(kv))[1]!.value));
      await kv.set(keys.tip(), row.commitId);
    },
    ["is not the last commit of commands"],
  ],
  "a snapshot has other members": [
    async (kv) => {
      const { key } = await first(kv, snapshotPrefix);
      const bytes = new RoaringBitmap32([7, 8]).serialize("portable");
      await kv.set([...key.slice(0, 3), "members", "user", 0], bytes);
    },
    ["has 2 members with the digest"],
  ],
  "a snapshot has lost members": [
    async (kv) => {
      const { key } = await first(kv, snapshotPrefix);
      await kv.delete([...key.slice(0, 3), "members", "user", 0]);
    },
    ["has 0 blocks of 1"],
  ],
  "a snapshot is not readable": [
    async (kv) => {
      const { key } = await first(kv, snapshotPrefix);
      await kv.set([...key.slice(0, 3), "members", "user", 0], new Uint8Array([1, 2, 3]));
    },
    ["block 0 of users of snapshot"],
  ],
  "a snapshot is gone": [
    async (kv) => {
      const { key } = await first(kv, snapshotPrefix);
      await kv.delete([...key.slice(0, 3), "head"]);
    },
    [" is gone"],
  ],
  "a read model's row was altered": [
    async (kv) => {
      const { key, value } = await first(kv, keys.rowPrefix("campaigns", "2.1"));
      const text = new TextDecoder().decode(value.bytes).replace("A campaign", "A campaing");
      await kv.set(key, { ...value, bytes: new TextEncoder().encode(text) });
    },
    ["of campaigns: differs"],
  ],
  "a read model's row is gone": [
    async (kv) => kv.delete((await first(kv, keys.rowPrefix("kpi", "3.1"))).key),
    ["of kpi: missing"],
  ],
  "a read model has a row too many": [
    async (kv) => {
      const { value } = await first(kv, keys.rowPrefix("statuses", "1.1"));
      await kv.set(keys.row("statuses", "1.1", "stranger", 0), value);
    },
    ["row stranger of statuses: too many"],
  ],
  "a checkpoint is of another log": [
    async (kv) => {
      const { key, value } = await first(kv, keys.checkpointPrefix("statuses"));
      await kv.set(key, { ...value, hash: "0".repeat(64) });
    },
    ["the checkpoint of statuses stands at"],
  ],
  "a checkpoint is gone": [
    async (kv) => kv.delete((await first(kv, keys.checkpointPrefix("statuses"))).key),
    ["statuses has no checkpoint in its live slot 1.1"],
  ],
};

Deno.test("a clean store has no faults", async () => {
  await withStore(async ({ kv }) => {
    const report = await check(kv);
    assertEquals(report.faults, []);
    assertEquals(report.notes, []);
    const { counts } = report;
    assertEquals(counts["read models"], Object.keys(mountedModels(kv)).length);
    assertEquals(counts["interactions"], 200);
    assertEquals(counts["changes of members"], 3);
    assertEquals(counts["identities"], 25);
    assertEquals(counts["profiles"], 6);
    assertEquals(counts["remembered answers"], 4);
    for (const [what, count] of Object.entries(counts)) assert(count > 0, what);
  });
});

Deno.test("rows after the checkpoints are no fault", async () => {
  await withStore(async ({ kv }) => {
    await forge(kv, {});
    assertEquals((await check(kv)).faults, []);
  });
});

Deno.test("an empty store has no faults", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    assertEquals((await check(kv)).faults, []);
  } finally {
    kv.close();
  }
});

Deno.test("a store in use has no faults", async () => {
  const server = await openTestServer();
  try {
    const campaign = await server.campaignIn("posting");
    let over = false, sent = 0;
    const load = async () => {
      while (!over) {
        await interact(server, campaign, sent += 100, { "idempotency-key": `k${sent}` });
        const body = server.settings({ name: `Campaign ${sent}` });
        await server.expect(201, "POST", "/v1/campaigns", { body });
        await people(server);
        await server.placard.engine.projector.flush();
      }
    };
    const loading = load();
    try {
      for (let checks = 0; checks < 3 || sent < 500; checks++) {
        assertEquals((await check(server.kv)).faults, []);
      }
    } finally {
      over = true;
      await loading;
    }
  } finally {
    await server.close();
  }
});

for (const [name, [damage, named]] of Object.entries(damages)) {
  Deno.test(`damage is named: ${name}`, async () => {
    await withStore(async ({ kv }) => {
      await damage(kv);
      const report = await check(kv);
      assertEquals(report.faultCount, report.faults.length);
      for (const text of named) {
        assert(
          report.faults.some((fault) => fault.includes(text)),
          `"${text}" is not among ${JSON.stringify(report.faults, null, 1)}`,
        );
      }
    });
  });
}

Deno.test("the task reports and ends with the right code", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/placard.kv`;
    const missing = await runTask("fsck", [], path);
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.output, `no database at ${path}`);
    const kv = await Deno.openKv(path);
    try {
      const nothing = await runTask("fsck", [], path);
      assertEquals(nothing.code, 1);
      assertStringIncludes(nothing.output, "holds no Placard store");
      const server = await openTestServer({ kv });
      await fill(server);
      // The server runs on.
      const clean = await runTask("fsck", [], path);
      assertEquals(clean.code, 0, clean.output);
      assertStringIncludes(clean.output, "no faults");
      await server.close();
      for (const nth of range(25)) await kv.set(keys.body(`orphan${nth}`, 0), new Uint8Array(1));
      const faulty = await runTask("fsck", [], path);
      assertEquals(faulty.code, 1);
      assertEquals(faulty.output.match(/^fault: /gm)?.length, 20);
      assertStringIncludes(faulty.output, "and 5 more");
      assertStringIncludes(faulty.output, "25 faults");
    } finally {
      kv.close();
    }
  });
});
