/**
 * Nothing of an export can be altered without being noticed and named; and whoever makes all of it anew
 * is found out by an older checkpoint, or by the key.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { sha256Hex } from "../../src/event_store/mod.ts";
import { verifierKey } from "../../src/audit/tlog/mod.ts";
import {
  checkpointOf,
  type ExportedFiles,
  exportOf,
  forged,
  type History,
  type HistoryEvent,
  lineAt,
  lineOfBody,
  signer,
  strangerSigner,
  verified,
} from "./forged_export.ts";
import { FlippedBytes } from "./flipped_bytes.ts";
import { toldHistory } from "./told_history.ts";

const eventCount = 2_000;
/** `PLACARD_TEST_EVERY_BYTE=1`: all of them, which takes some minutes. */
const everyByte = Deno.env.get("PLACARD_TEST_EVERY_BYTE") === "1";
const large = lazily(() => toldHistory(eventCount));
const small = lazily(() => toldHistory(40));
const decoder = new TextDecoder();

Deno.test("tampering: a flipped bit of any byte is named, by what decides about its place", async () => {
  const files = exportOf(everyByte ? await large() : await toldHistory(300));
  const flips = new FlippedBytes(files);
  let count = 0;
  for (const [name, bytes] of files) {
    const step = everyByte ? 1 : bytes.length < 300 ? 3 : 29;
    for (let at = 0; at < bytes.length; at += step, count++) {
      await flips.assertNamed(name, at, 1 << (at % 8));
    }
    if (everyByte) console.log(`${count} bytes flipped one at a time and named, through ${name}`);
  }
});

Deno.test("tampering: any bit of any file of a large export", async () => {
  const files = exportOf(await large());
  const names = [...files.keys()].filter((name) => files.get(name)!.length > 0);
  const flip = fc.record({
    name: fc.constantFrom(...names),
    place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bit: fc.integer({ min: 0, max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(flip, async ({ name, place, bit }) => {
      await assertNoticed(files, name, Math.floor(place * files.get(name)!.length), 1 << bit);
    }),
    { numRuns: 100 },
  );
});

Deno.test("tampering: lines that are dropped, swapped, doubled, slipped in or cut off", async () => {
  const files = exportOf(await large());
  const name = "events-000001.ndjson";
  const lines = decoder.decode(files.get(name)!).split("\n").slice(0, -1);
  const [first, second] = [lines[100]!, lines[101]!];
  const altered: Readonly<Record<string, readonly string[]>> = {
    "line 101": lines.toSpliced(100, 1),
    "line 101 ": lines.toSpliced(100, 2, second, first),
    "line 102": lines.toSpliced(100, 0, first),
    "line 102 ": lines.toSpliced(101, 0, first.replace(/"version":\d+/, '"version":1')),
    "ends after line 480": lines.slice(0, 480),
    "line 501": [...lines, second],
  };
  for (const [where, some] of Object.entries(altered)) {
    const content = some.map((line) => `${line}\n`).join("");
    const { faults } = await verified(replaced(files, name, content));
    assert(
      faults.some((fault) => fault.includes(`${name} ${where.trim()}`)),
      `${where}: ${faults}`,
    );
  }
  const cut = decoder.decode(files.get(name)!).slice(0, -20);
  const { faults } = await verified(replaced(files, name, cut));
  assert(faults.includes(`${name} line 500 is cut off`), String(faults));
});

Deno.test("tampering: a line whose checksum was made anew", async () => {
  const files = exportOf(await small());
  const name = "events-000000.ndjson";
  const lines = decoder.decode(files.get(name)!).split("\n");
  const content = lines.with(20, lines[20]!.replace('"version":', '"version":1')).join("\n");
  const manifest = JSON.parse(decoder.decode(files.get("manifest.json")!));
  manifest.segments[0].eventsSha256 = sha256Hex(content);
  const { faults } = await verified(
    replaced(replaced(files, name, content), "manifest.json", JSON.stringify(manifest)),
  );
  assert(faults.includes("manifest.json is altered: it has another SHA-256 than it says"));
  assert(faults.some((fault) => fault.startsWith(`${name} line 21 `)), String(faults));
});

Deno.test("tampering: files that are missing or do not belong", async () => {
  const files = exportOf(await small());
  for (const name of files.keys()) {
    const without = new Map(files);
    without.delete(name);
    const { faults } = await verified(without);
    assert(
      faults.some((fault) => fault.includes(`${name} is missing`) || name === "manifest.json"),
    );
  }
  for (const name of ["events-000001.ndjson", "tile/0/001", "bodies-000009.bin"]) {
    const { faults } = await verified(new Map(files).set(name, new Uint8Array(1)));
    assertEquals(faults, [`${name} is no part of this export`]);
  }
});

Deno.test("tampering: all made anew is found out by an older checkpoint, or by the key", async () => {
  const { events } = await large();
  const edited = (at: number) => events.with(at, renamed(events[at]!));
  const at = events.findIndex(({ stored: { type } }, index) =>
    index > 1_000 && type === "campaign_edited"
  );
  const key = verifierKey(signer);
  const since = checkpointOf(events, 1_500);
  const ways: Readonly<Record<string, readonly HistoryEvent[]>> = {
    altered: edited(at),
    dropped: events.toSpliced(at, 1),
    swapped: swapped(events, at),
    inserted: inserted(events, at),
  };
  for (const [way, altered] of Object.entries(ways)) {
    const files = exportOf(await forged(altered), strangerSigner);
    const alone = await verified(files);
    assertEquals(alone.faults, [], way);
    assertStringIncludes(alone.notes.join(), "the key that came with the history was used");
    const { faults } = await verified(files, { since });
    assert(faults.some((fault) => fault.startsWith("the first 1500 events are not those")), way);
    const byKey = await verified(files, { key });
    assertEquals(byKey.faults, [
      "the checkpoint: the checkpoint is not signed by the key that is to be trusted",
    ]);
  }
  // After the older checkpoint the key tells.
  const later = events.findIndex(({ stored: { type } }, index) =>
    index > 1_600 && type === "campaign_edited"
  );
  const files = exportOf(await forged(edited(later)), strangerSigner);
  const { faults } = await verified(files, { since });
  assertEquals(faults.length, 1);
  assertStringIncludes(faults[0]!, "the older checkpoint, which may be of another log");
  const cut = exportOf(await forged(events.slice(0, 1_200)), strangerSigner);
  const truncated = await verified(cut, { since });
  assertStringIncludes(truncated.faults.join(), "events are gone from its end");
});

/** A flipped bit is a fault, and a fault says where. */
async function assertNoticed(files: ExportedFiles, name: string, at: number, mask: number) {
  const bytes = files.get(name)!.slice();
  bytes[at]! ^= mask;
  const altered = new Map(files).set(name, bytes);
  const where = name.endsWith(".ndjson")
    ? lineAt(files, name, at)
    : name.startsWith("bodies")
    ? lineOfBody(files, name, at)
    : name;
  const isNamed = (faults: readonly string[]) => faults.some((fault) => fault.includes(where));
  // Mostly it is the first one.
  if (isNamed((await verified(altered, { faultsMax: 1 })).faults)) return;
  const { faults } = await verified(altered);
  assert(isNamed(faults), `${name} byte ${at}: ${faults}`);
}

function replaced(files: ExportedFiles, name: string, content: string): ExportedFiles {
  return new Map(files).set(name, new TextEncoder().encode(content));
}

function renamed({ stored, ...rest }: HistoryEvent): HistoryEvent {
  const set = { ...(stored.data as { set: object }).set, name: "Something else" };
  return { ...rest, stored: { ...stored, data: { ...stored.data as object, set } } };
}

/** Two neighbours exchange what they say; places and times stay. */
function swapped(events: readonly HistoryEvent[], at: number): HistoryEvent[] {
  const [one, other] = [events[at]!, events[at + 1]!];
  const exchanged = (into: HistoryEvent, from: HistoryEvent): HistoryEvent => ({
    ...from,
    position: into.position,
    stored: { ...from.stored, time: into.stored.time },
  });
  return events.toSpliced(at, 2, exchanged(one, other), exchanged(other, one));
}

/** Once more, in the same commit. */
function inserted(events: readonly HistoryEvent[], at: number): HistoryEvent[] {
  const { position, ...rest } = events[at]!;
  return events.toSpliced(at + 1, 0, { ...rest, position: position.replace(/-0000$/, "-0001") });
}

function lazily(make: () => Promise<History>): () => Promise<History> {
  let made: Promise<History> | null = null;
  return () => made ??= make();
}
