/** Rows of a model that is folded anew: their hashes are the same, whether or not they stay in memory. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeChunk } from "../../events/interaction_chunk.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import { coldPrefix } from "../../projections/projection.ts";
import { sha256Hex } from "../../src/event_store/mod.ts";
import { FreshRows } from "../../src/projector/mod.ts";
import { TestLog } from "../support/recorded.ts";

const dayMs = 86_400_000;
const startMs = Date.parse("2026-04-01T12:00:00.000Z");
const dayCount = 20;

Deno.test("rows that do not change any more leave memory, and are told by their hash", () => {
  const [whole, rows] = [new KpiProjection(), new FreshRows(new KpiProjection())];
  const kept: string[] = [];
  for (const recorded of clicksOfDays()) {
    whole.fold(recorded);
    rows.model.fold(recorded);
    rows.letGo((key, hash) => {
      assertEquals(hash, sha256Hex(whole.encodeRow(key)));
      // Of the days, the first is one that somebody will want to see.
      if (kept.length > 0 || !key.startsWith("cold/day/")) return false;
      kept.push(key);
      return true;
    });
  }
  const rowKeys = [...whole.rowKeys()];
  assertEquals([...rows.model.rowKeys()], rowKeys);
  for (const key of rowKeys) assertEquals(rows.hash(key), sha256Hex(whole.encodeRow(key)), key);
  const cold = rowKeys.filter((key) => key.startsWith(coldPrefix) && !kept.includes(key));
  assert(cold.length > dayCount);
  for (const key of cold) assertThrows(() => rows.model.encodeRow(key), Error, "not in memory");
  assertEquals(rows.model.encodeRow(kept[0]!), whole.encodeRow(kept[0]!));
});

function clicksOfDays(): RecordedEvent[] {
  const log = new TestLog();
  return Array.from({ length: dayCount }, (_, day) => {
    const timeMs = startMs + day * dayMs;
    const data = { count: 1 };
    const event = { type: "interactions_recorded", schema: 1, data };
    const [recorded] = log.commit("interactions/w", [event], timeMs);
    const body = encodeChunk([{
      digest: new Uint8Array(16).fill(day + 1),
      kind: "click",
      campaignId: "c",
      platform: "web",
      device: 1 + day % 3,
      user: 0,
      revision: 1,
      elementId: "buy",
      variant: null,
      name: null,
      claim: null,
      session: 0,
      occurredAtMs: timeMs,
    }]);
    return { ...recorded!, body };
  });
}
