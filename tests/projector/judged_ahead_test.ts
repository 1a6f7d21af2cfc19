/** Chunks that another thread has judged count as those that the fold judges itself. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
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
      const judged: ReadRow[] = [];
      // In two goes, as a rebuild reads what came meanwhile.
      const half = Math.floor(rows.length / 2);
      for (const some of [rows.slice(0, half), rows.slice(half)]) {
        for await (const row of judgedAhead.over(listed(some))) judged.push(row);
      }
      assertEquals(judged.map(({ versionstamp }) => versionstamp), rows.map(stampOf));
      assert(judged.every(({ events }) => events.every((recorded) => recorded.judged)));
      assertEquals(folded(judged), folded(rows));
    }),
    { numRuns: 15 },
  );
});

Deno.test("a chunk that cannot be read is left to the fold, which names it", async () => {
  const rows = rowsOf([{ hoursAfter: 0, ids: [1] }, { hoursAfter: 1, ids: [2] }]);
  const [first, second] = rows.map(({ events }) => events[0]!);
  const broken = { ...rows[0]!, events: [{ ...first!, body: first!.body!.slice(0, -3) }] };
  using judgedAhead = new JudgedAhead();
  const judged: RecordedEvent[] = [];
  for await (const { events } of judgedAhead.over(listed([broken, rows[1]!]))) {
    judged.push(...events);
  }
  assertEquals(judged.map((recorded) => recorded.judged?.chunk.count), [undefined, 1]);
  assertEquals(judged[1]!.judged!.chunk.digests, second!.body!.slice(5, 21));
  assertThrows(() => new KpiProjection().fold(judged[0]!), Error, "the columns have");
});

Deno.test("whoever stops reading ends the reading", async () => {
  let isEnded = false;
  async function* endless(): AsyncGenerator<ReadRow> {
    try {
      for (;;) yield* listed(rowsOf([{ hoursAfter: 0, ids: [1] }]));
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

async function* listed(rows: readonly ReadRow[]): AsyncGenerator<ReadRow> {
  yield* rows;
}

function stampOf({ versionstamp }: ReadRow): string {
  return versionstamp;
}

/** Every row of a fresh read model, as hex. */
function folded(rows: readonly ReadRow[]): Record<string, string> {
  const model = new KpiProjection();
  for (const { events } of rows) for (const recorded of events) model.fold(recorded);
  const keys = [...model.rowKeys()].sort();
  return Object.fromEntries(keys.map((key) => [key, model.encodeRow(key).toHex()]));
}
