import { assertEquals, assertRejects } from "@std/assert";
import { encodeChunk } from "../../events/interaction_chunk.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { ExposureView } from "../../projections/exposures.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import { PastExposures } from "../../src/delivery/past_exposures.ts";
import { subjectOf } from "../../src/delivery/subject.ts";
import { type LogReader, OverloadedError, type StreamIndex } from "../../src/event_store/mod.ts";

const hourMs = 60 * 60_000;
const noon = Date.parse("2026-04-01T12:00:00.000Z");
const subject = subjectOf("d", undefined, 1, 0);
const session = { position: "", startedAtMs: noon, pins: {} };

/** An impression of device 1 each hour, all of one session. */
const events = Array.from({ length: 60 }, (_, nth): RecordedEvent => {
  const timeMs = noon + nth * hourMs;
  return {
    position: String(nth).padStart(4, "0"),
    stream: "interactions/w",
    version: nth + 1,
    timeMs,
    meta: { actor: "clock", commandId: "1", traceId: "1" },
    event: { type: "interactions_recorded", schema: 1, data: {} },
    hash: "",
    body: encodeChunk([{
      digest: new Uint8Array(16).fill(nth),
      kind: "impression",
      campaignId: "c",
      device: 1,
      user: 0,
      occurredAtMs: timeMs,
      platform: "web",
      revision: 1,
      elementId: null,
      variant: null,
      name: null,
      session: noon % 2 ** 32,
      claim: null,
    }]),
  };
});

function pastOf(fails: { times: number } = { times: 0 }) {
  const model = new KpiProjection();
  for (const recorded of events) model.fold(recorded);
  const reads = { count: 0, atOnce: 0, atOnceMost: 0 };
  const reader = {
    async *readRowsFrom() {
      reads.count++;
      reads.atOnceMost = Math.max(reads.atOnceMost, ++reads.atOnce);
      try {
        await Promise.resolve();
        if (fails.times-- > 0) throw new Error("the store cannot be reached");
        yield { events };
      } finally {
        reads.atOnce--;
      }
    },
  } as unknown as LogReader;
  const index = { positions: () => ["0000"] } as unknown as StreamIndex;
  return { past: new PastExposures(reader, () => index, () => model), reads, model };
}

const inSession = (view: ExposureView) =>
  view.count("c", "device", 1, {
    fromMs: -Infinity,
    toMs: Infinity,
    session: noon % 2 ** 32,
    max: 1_000,
    knownMs: events.at(-1)!.timeMs,
  });

Deno.test("past exposures: what is recent is not looked for", async () => {
  const { past, reads } = pastOf();
  assertEquals(await past.at("c", subject, events.at(-1)!.timeMs), null);
  assertEquals(past.ofSession(null, subject, ["c"]), null);
  const recent = { ...session, startedAtMs: noon + 20 * hourMs };
  assertEquals(past.ofSession(recent, subject, ["c"]), null);
  assertEquals(past.ofSession(session, subject, ["d"]), null);
  assertEquals(past.ofSession(session, subjectOf("e", undefined, 2, 0), ["c"]), null);
  assertEquals(reads.count, 0);
});

Deno.test("past exposures: an old session is looked for once, for as long as nothing more gets old", async () => {
  const { past, reads, model } = pastOf();
  const views = await Promise.all([
    past.ofSession(session, subject, ["c"]),
    past.ofSession(session, subject, ["c", "d"]),
  ]);
  assertEquals(views.map((view) => inSession(view!)), [60, 60]);
  // The second read looks for ids that were repeated.
  assertEquals(reads.count, 2);
  const next = { ...events.at(-1)!, position: "9", timeMs: noon + 63 * hourMs };
  model.fold({ ...next, event: { type: "campaign_edited", schema: 1, data: {} } });
  assertEquals(inSession((await past.ofSession(session, subject, ["c"]))!), 60);
  assertEquals(reads.count, 4);
});

Deno.test("past exposures: one looks at a time, and only so many wait", async () => {
  const { past, reads } = pastOf();
  const looks = Array.from({ length: 21 }, () => past.at("c", subject, noon + 5 * hourMs));
  await assertRejects(() => looks.pop()!, OverloadedError);
  for (const view of await Promise.all(looks)) {
    assertEquals(view!.total("c", "device", 1, noon + 5 * hourMs, 99), 6);
  }
  assertEquals([reads.count, reads.atOnceMost], [40, 1]);
});

Deno.test("past exposures: a look that failed is done again", async () => {
  const { past } = pastOf({ times: 1 });
  await assertRejects(async () => await past.ofSession(session, subject, ["c"]), Error, "reached");
  assertEquals(inSession((await past.ofSession(session, subject, ["c"]))!), 60);
});
