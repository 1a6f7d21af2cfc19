/** What a verifier makes of a history that was taken over from another log. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { importExport } from "../../src/audit/mod.ts";
import { signCheckpoint, type Signer, signerOf, verifierKey } from "../../src/audit/tlog/mod.ts";
import { openTestServer } from "../support/server.ts";
import {
  checkpointOf,
  type ExportedFiles,
  exportOf,
  filesOf,
  forged,
  type History,
  historyOf,
  signer,
  strangerSigner,
  verified,
} from "./forged_export.ts";

const second = signerOf("placard.log/second", new Uint8Array(32).fill(5));
const third = signerOf("placard.log/third", new Uint8Array(32).fill(6));
const key = verifierKey(second);

interface Generation {
  readonly history: History;
  readonly files: ExportedFiles;
}

/** A server that goes on with what it is given, and what it has then. */
async function generation(by: Signer, from?: ExportedFiles): Promise<Generation> {
  const kv = await Deno.openKv(":memory:");
  try {
    if (from) {
      const nowMs = () => Date.parse("2026-04-01T09:00:00.000Z");
      await importExport({ kv, files: filesOf(from), nowMs, newId: () => "run" });
    }
    const server = await openTestServer({ kv });
    for (let count = 0; count < 5; count++) await server.draft();
    const history = await historyOf(server);
    await server.close();
    return { history, files: exportOf(history, by) };
  } finally {
    kv.close();
  }
}

let made: Promise<{ source: Generation; target: Generation }> | null = null;
const both = () =>
  made ??= (async () => {
    const source = await generation(signer);
    return { source, target: await generation(second, source.files) };
  })();

Deno.test("imported: an older checkpoint of the source holds for what was taken over", async () => {
  const { source, target } = await both();
  const { events } = source.history;
  for (const size of [0, 1, events.length]) {
    const since = checkpointOf(events, size);
    const { faults, notes } = await verified(target.files, { key, since });
    assertEquals({ size, faults, notes }, { size, faults: [], notes: [] });
    assertEquals((await verified(target.files, { since })).faults, []);
  }
  const own = checkpointOf(target.history.events, events.length + 2, second);
  assertEquals((await verified(target.files, { key, since: own })).faults, []);
  const again = await generation(third, target.files);
  const trust = { key: verifierKey(third) };
  for (const since of [checkpointOf(events, 3), own]) {
    assertEquals((await verified(again.files, { ...trust, since })).faults, []);
  }
});

Deno.test("imported: what the source has not signed is not taken for its own", async () => {
  const { source, target } = await both();
  const { length } = source.history.events;
  const byOldKey = await verified(target.files, { key: verifierKey(signer) });
  assertEquals(byOldKey.faults.length, 1);
  assertStringIncludes(byOldKey.faults[0]!, "not signed by the key that is to be trusted");
  assertStringIncludes(byOldKey.notes.join(), `the first ${length} events were taken over from`);
  // It has gone on after the export.
  const root = new Uint8Array(32);
  const later = signCheckpoint({ origin: signer.name, size: length + 1, root }, signer);
  assertStringIncludes(
    (await verified(target.files, { key, since: later })).faults[0]!,
    `which took over the first ${length} events of that log and no more`,
  );
  const strange = checkpointOf(source.history.events, 3, strangerSigner);
  const byStranger = await verified(target.files, { key, since: strange });
  assertStringIncludes(byStranger.faults.join(), "the older checkpoint, which may be of another");
  const other = signCheckpoint({ origin: signer.name, size: 3, root }, signer);
  assertStringIncludes(
    (await verified(target.files, { key, since: other })).faults.join(),
    "the first 3 events are not those of the older checkpoint",
  );
});

Deno.test("imported: an origin that somebody made up is a fault", async () => {
  const { source, target } = await both();
  const { events } = target.history;
  const { length } = source.history.events;
  const own = checkpointOf(events, length);
  const wrong: Record<string, { key?: string; checkpoint?: string }> = {
    "its checkpoint is not of the": { checkpoint: checkpointOf(events, length - 1) },
    "not signed by the key": { checkpoint: checkpointOf(events, length, strangerSigner) },
    "no signed note": { checkpoint: own.slice(0, -1) },
    "no verifier key": { key: "key" },
  };
  for (const [fault, change] of Object.entries(wrong)) {
    const { stored, ...rest } = events[length]!;
    assertEquals(stored.type, "log_imported");
    const data = { ...stored.data as object, ...change };
    const altered = await forged(events.with(length, { ...rest, stored: { ...stored, data } }));
    const { faults } = await verified(exportOf(altered, second), { key });
    assertEquals(faults.length, 1, fault);
    assertStringIncludes(faults[0]!, `line ${length + 1} says that a log was imported, but`);
    assertStringIncludes(faults[0]!, fault);
  }
});
