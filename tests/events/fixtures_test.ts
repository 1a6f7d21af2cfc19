/**
 * Events are kept for ever. One fixture for every version of every event that was ever written, and a
 * whole history: today's code reads them as it did; and no schema changes without a new version.
 */
import { assert, assertEquals } from "@std/assert";
import { decodeChunk } from "../../events/interaction_chunk.ts";
import { decodeMemberChanges } from "../../events/member_changes.ts";
import { z } from "zod";
import { decodeProfileChanges } from "../../events/profile_changes.ts";
import { profileEventSchemas } from "../../events/profile_events.ts";
import type { DomainEvent, StoredEvent } from "../../events/recorded_event.ts";
import { upcast } from "../../events/upcast.ts";
import { ExportFolder, fsck, importExport } from "../../src/audit/mod.ts";
import { eventDataSchemas, eventFault } from "../../src/audit/event_schemas.ts";
import { cursorAtStart, keys, openLog, sha256Hex } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { openTestServer } from "../support/server.ts";
import { range, soundLog, withInstances } from "../event_store/counters.ts";
import { type Fixture, fixturesFolder, jsonSchemaOf } from "./make_fixtures.ts";
import { outcomeOf } from "./outcome.ts";

interface Versioned extends Fixture {
  readonly type: string;
  readonly version: number;
}

async function fixtures(): Promise<Versioned[]> {
  const found: Versioned[] = [];
  for await (const { name } of Deno.readDir(fixturesFolder)) {
    const match = /^(\w+)\.v(\d+)\.json$/.exec(name);
    if (!match) continue;
    const fixture = JSON.parse(await Deno.readTextFile(fixturesFolder + name)) as Fixture;
    found.push({ ...fixture, type: match[1]!, version: Number(match[2]) });
  }
  return found.sort((a, b) => a.version - b.version);
}

/** By type, the newest version that there is a fixture of. */
async function newest(): Promise<Map<string, Versioned>> {
  return new Map((await fixtures()).map((fixture) => [fixture.type, fixture]));
}

Deno.test("every event has a fixture of each of its versions", async () => {
  const all = await fixtures();
  for (const type of Object.keys(eventDataSchemas)) {
    const versions = all.filter((one) => one.type === type).map(({ version }) => version);
    assert(
      versions.length > 0,
      `${type} has no fixture: let tests/events/make_fixtures.ts make one happen, and run it`,
    );
    assertEquals(versions, range(versions.length).map((nth) => nth + 1), type);
  }
});

Deno.test("no event's schema changes without a new version", async () => {
  for (const [type, { version, dataSchema }] of await newest()) {
    const schema = eventDataSchemas[type];
    assert(schema, `${type} is in logs that there are: its schema must stay`);
    const same = JSON.stringify(jsonSchemaOf(schema)) === JSON.stringify(dataSchema);
    const next = version + 1;
    assert(
      same,
      `the data of ${type} looks different, but version ${version} of it is in logs that there are. ` +
        `Leave that as it is: write schema: ${next} where the event is made, bring version ` +
        `${version} up to it in events/upcast.ts, and run deno run -A tests/events/make_fixtures.ts, ` +
        `which writes ${type}.v${next}.json (see CONTRIBUTING.md, "Changing an event")`,
    );
  }
});

Deno.test("the smallest change of a schema is seen", async () => {
  const { dataSchema } = (await newest()).get("person_forgotten")!;
  const { person_forgotten } = profileEventSchemas;
  const changed = [
    person_forgotten.extend({ why: z.string().optional() }),
    person_forgotten.omit({ number: true }),
    person_forgotten.extend({ number: z.int().min(0) }),
    person_forgotten.partial(),
  ];
  for (const schema of changed) {
    assert(JSON.stringify(jsonSchemaOf(schema)) !== JSON.stringify(dataSchema));
  }
});

Deno.test("every version is brought up to the newest, and is a valid event then", async () => {
  const last = await newest();
  for (const { type, version, events } of await fixtures()) {
    assert(events.length > 0, type);
    for (const stored of events) {
      assertEquals([stored.type, stored.schema], [type, version]);
      assertEquals(eventFault(stored), null, `${type} version ${version}`);
      const event = upcast(stored);
      assertEquals(event.schema, last.get(event.type)!.version, `${type} version ${version}`);
    }
  }
});

Deno.test("bodies of every version can be read", async () => {
  const decode: Record<string, (bytes: Uint8Array) => number> = {
    interactions_recorded: (bytes) => decodeChunk(bytes).count,
    members_changed: (bytes) => decodeMemberChanges(bytes).length,
    profiles_changed: (bytes) => decodeProfileChanges(bytes).count,
  };
  const seen = new Set<string>();
  for (const { type, events, bodies } of await fixtures()) {
    for (const { body, data } of events) {
      if (!body) continue;
      const bytes = Uint8Array.fromBase64(bodies[body.ref]!);
      assertEquals(sha256Hex(bytes), body.sha256);
      assertEquals(decode[type]!(bytes), (data as { count: number }).count);
      seen.add(type);
    }
  }
  assertEquals([...seen].sort(), Object.keys(decode).sort());
});

for await (const { name } of Deno.readDir(fixturesFolder)) {
  if (!name.startsWith("history_")) continue;
  Deno.test(`what an old log says it says today: ${name}`, async () => {
    const folder = `${fixturesFolder}${name}`;
    const { clock, ...expected } = JSON.parse(await Deno.readTextFile(`${folder}/outcome.json`));
    const kv = await Deno.openKv(":memory:");
    try {
      const nowMs = () => Date.parse(clock);
      await importExport({ kv, files: new ExportFolder(folder), nowMs, newId: () => "run" });
      // What the environment says is taken into the workspace, as it was there.
      const { timeZone } = expected.workspace;
      const server = await openTestServer({ kv, clock, timeZone });
      assertEquals(await outcomeOf(server), expected);
      await server.close();
      const creates = Object.values(mountedModels(kv)).map(({ create }) => create);
      assertEquals((await fsck(kv, creates)).faults, []);
    } finally {
      kv.close();
    }
  });
}

/** An example of a way from version to version: what `events/upcast.ts` would do. */
const steps: Readonly<Record<string, (data: never) => unknown>> = {
  "added 1": ({ by, ...rest }: { by: number }) => ({ ...rest, amount: by }),
  "added 2": ({ amount, ...rest }: { amount: number }) => ({ ...rest, amount, unit: "piece" }),
};

function upcastInSteps({ type, schema, data }: StoredEvent): DomainEvent {
  const step = steps[`${type} ${schema}`];
  if (!step) return { type, schema, data };
  const next = { type, schema: schema + 1, data: step(data as never) };
  return upcastInSteps(next as StoredEvent);
}

Deno.test("an upcaster changes what is read, never what is stored or hashed", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    await withInstances([kv], async (instance) => {
      for (const nth of range(5)) await instance.add("a", { by: nth, note: `note ${nth}` });
    });
    const bytesOf = () => Array.fromAsync(kv.list<Uint8Array>({ prefix: keys.logsPrefix() }));
    const before = await soundLog(kv);
    const bytesBefore = await bytesOf();
    const reader = await openLog(kv, upcastInSteps);
    let nth = 0;
    for await (const { epoch, versionstamp, events } of reader.read(cursorAtStart)) {
      const row = await reader.storedRow(epoch, versionstamp);
      for (const [index, recorded] of events.entries()) {
        assertEquals(recorded.event, {
          type: "added",
          schema: 3,
          data: { amount: nth, note: `note ${nth}`, unit: "piece" },
        });
        assertEquals(row![index], before.stored[nth]);
        assertEquals(recorded.hash, before.events[nth]!.hash);
        nth++;
      }
    }
    assertEquals(nth, 5);
    assertEquals((await soundLog(kv)).stored, before.stored);
    assertEquals(await bytesOf(), bytesBefore);
  } finally {
    kv.close();
  }
});
