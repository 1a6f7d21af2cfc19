/** Chunks that another thread has judged count as those that the fold judges itself. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import type { JudgedChunk } from "../../events/recorded_event.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import type { ReadRow } from "../../src/event_store/mod.ts";
import { JudgedAhead } from "../../src/projector/mod.ts";
import { TestLog } from "../support/recorded.ts";

const startMs = Date.parse("2026-04-01T12:00:00.000Z");
const hourMs = 3_600_000;
/** More than are judged ahead of the fold. */
const chunksMax = 80;

const chunk = fc.record({
  hoursAfter: fc.integer({ min: 0, max: 60 }),
  // Few ids, so that most are repeated, some of them after they were forgotten.
  ids: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }),
});

Deno.test("rows are the same whoever judges the chunks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: chunksMax }), async (chunks) => {
      const rows = rowsOf(chunks);
      using judgedAhead = new JudgedAhead();
      const model = new KpiProjection();
      const stamps: string[] = [];
      let before: JudgedChunk | undefined;
      // In two goes, as a rebuild reads what came meanwhile.
      const half = Math.floor(rows.length / 2);
      for (const some of [rows.slice(0, half), rows.slice(half)]) {
        for await (const { versionstamp, events } of judgedAhead.over(copied(some))) {
          stamps.push(versionstamp);
          // What was judged of the row before is gone.
          if (before) assertEquals(before.chunk.device.length, 0);
          before = events[0]!.judged!;
          assert(before.chunk.device.length > 0);
          for (const recorded of events) model.fold(recorded);
        }
      }
      assertEquals(stamps, rows.map(stampOf));
      assertEquals(rowsOfModel(model), rowsOfModel(foldedFrom(rows)));
    }),
    { numRuns: 15 },
  );
});

Deno.test("a chunk that cannot be read is left to the fold, which names it", async () => {
  const rows = rowsOf([{ hoursAfter: 0, ids: [1] }, { hoursAfter: 1, ids: [2] }]);
  const [first, second] = rows.map(({ events }) => events[0]!);
  const broken = { ...rows[0]!, events: [{ ...first!, body: first!.body!.slice(0, -3) }] };
  using judgedAhead = new JudgedAhead();
  const counts: (number | undefined)[] = [];
  for await (const { events: [recorded] } of judgedAhead.over(copied([broken, rows[1]!]))) {
    const judged = recorded!.judged;
    counts.push(judged?.chunk.count);
    if (judged) assertEquals(judged.chunk.digests, second!.body!.slice(5, 21));
    else assertThrows(() => new KpiProjection().fold(recorded!), Error, "the columns have");
  }
  assertEquals(counts, [undefined, 1]);
});

Deno.test("whoever stops reading ends the reading", async () => {
  let isEnded = false;
  async function* endless(): AsyncGenerator<ReadRow> {
    try {
      for (;;) yield* copied(rowsOf([{ hoursAfter: 0, ids: [1] }]));
    } finally {
      isEnded = true;
    }
  }
  using judgedAhead = new JudgedAhead();
  for await (const _ of judgedAhead.over(endless())) break;
  assert(isEnded);
});

function rowsOf(chunks: readonly { hoursAfter: number; ids: readonly number[] }[]): ReadRow[] {
  const log = new TestLog();
  let timeMs = startMs;
  return chunks.map(({ hoursAfter, ids }, index) => {
    timeMs += hoursAfter * hourMs;
    const data = { count: ids.length };
    const event = { type: "interactions_recorded", schema: 1, data };
    const [recorded] = log.commit("interactions/w", [event], timeMs);
    const body = encodeChunk(ids.map((id) => itemOf(id, timeMs)));
    const versionstamp = String(index).padStart(20, "0");
    return { epoch: 1, versionstamp, commitId: "", events: [{ ...recorded!, body }] };
  });
}

function itemOf(id: number, occurredAtMs: number): ChunkItem {
  const digest = new Uint8Array(16);
  digest[id % 4] = id + 1;
  const [device, kind] = [1 + id % 7, id % 3 === 0 ? "click" as const : "impression" as const];
  const none = { user: 0, revision: 0, elementId: null, variant: null, name: null, claim: null };
  const where = { campaignId: "c", platform: "web" as const, session: 0 };
  return { digest, kind, device, occurredAtMs, ...where, ...none };
}

/** Bodies go with the reading. */
async function* copied(rows: readonly ReadRow[]): AsyncGenerator<ReadRow> {
  for (const row of rows) {
    yield { ...row, events: row.events.map((one) => ({ ...one, body: one.body!.slice() })) };
  }
}

function stampOf({ versionstamp }: ReadRow): string {
  return versionstamp;
}

function foldedFrom(rows: readonly ReadRow[]): KpiProjection {
  const model = new KpiProjection();
  for (const { events } of rows) for (const recorded of events) model.fold(recorded);
  return model;
}

/** As hex. */
function rowsOfModel(model: KpiProjection): Record<string, string> {
  const keys = [...model.rowKeys()].sort();
  return Object.fromEntries(keys.map((key) => [key, model.encodeRow(key).toHex()]));
}
