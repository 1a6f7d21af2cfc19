/** A history that nobody altered is accepted; what is asked of it beside is answered clearly. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { canonicalJson } from "../../src/event_store/mod.ts";
import { signCheckpoint, type Signer, signerOf, verifierKey } from "../../src/audit/tlog/mod.ts";
import {
  checkpointOf,
  exportOf,
  forged,
  signer,
  strangerSigner,
  verified,
} from "./forged_export.ts";
import { told } from "./told_history.ts";

const key = verifierKey(signer);
const decoder = new TextDecoder();

Deno.test("verify: an export that nobody altered", async () => {
  const history = await told();
  const { faults, notes, counts, checkpoint } = await verified(exportOf(history, signer, 100));
  assertEquals(faults, []);
  assertEquals(notes.length, 1);
  assertStringIncludes(notes[0]!, "the key that came with the history was used");
  assertEquals(counts.events, history.events.length);
  assertEquals(counts.claims, 5);
  assertEquals(checkpoint!.size, history.events.length);
});

Deno.test("verify: with a key and an older checkpoint that were kept", async () => {
  const history = await told();
  for (const size of [0, 1, 255, 256, 257, history.events.length]) {
    const since = checkpointOf(history.events, size);
    const { faults, notes } = await verified(exportOf(history), { key, since });
    assertEquals({ size, faults, notes }, { size, faults: [], notes: [] });
  }
});

Deno.test("verify: an empty history", async () => {
  const { faults } = await verified(exportOf({ events: [], claims: [] }), { key });
  assertEquals(faults, []);
});

Deno.test("verify: a history that is older than the checkpoint", async () => {
  const { events } = await told();
  const older = exportOf(await forged(events.slice(0, 400)));
  const { faults } = await verified(older, { since: checkpointOf(events, 500) });
  assertEquals(faults, [
    "the older checkpoint speaks of 500 events, this history of 400: events are gone from its end, " +
    "or it comes from a restored older database",
  ]);
});

Deno.test("verify: the older checkpoint of another log, by another key, or none at all", async () => {
  const history = await told();
  const files = exportOf(history);
  const other = signCheckpoint(
    { origin: "other.example", size: 0, root: new Uint8Array(32) },
    signerOf("other.example", new Uint8Array(32).fill(3)),
  );
  const ofOther = await verified(files, { key, since: other });
  assertStringIncludes(ofOther.faults[0]!, "is of other.example, this one of placard.log/");
  const byStranger = checkpointOf(history.events, 10, strangerSigner);
  const { faults } = await verified(files, { key, since: byStranger });
  assertEquals(faults.length, 1);
  assertStringIncludes(faults[0]!, "is not signed by the key");
  const none = await verified(files, { key, since: "hello" });
  assertEquals(none.faults, ["the older checkpoint: this is no checkpoint of a log"]);
  const badKey = await verified(files, { key: "hello" });
  assertStringIncludes(badKey.faults.join(), "the given key: ");
});

Deno.test("verify: claims that the events do not bear out", async () => {
  const { events, claims } = await told();
  const claimed = async (some: readonly string[]) =>
    (await verified(exportOf({ events, claims: some }), { key })).faults;
  const first = JSON.parse(claims[0]!);
  const more = canonicalJson({
    ...first,
    kpi: { ...first.kpi, totalClicks: first.kpi.totalClicks + 1 },
  });
  assertEquals(await claimed(claims.with(0, more)), [
    `claims.jsonl line 1: campaign ${first.campaignId}: the server says /kpi/totalClicks is ` +
    `${first.kpi.totalClicks + 1}, the events give ${first.kpi.totalClicks}`,
  ]);
  const [, entry] = first.status.timeline;
  const later = canonicalJson({
    ...first,
    status: {
      ...first.status,
      timeline: first.status.timeline.with(1, { ...entry, at: "2026-04-02T00:00:00.000Z" }),
    },
  });
  assertStringIncludes((await claimed(claims.with(0, later))).join(), "/status/timeline/1/at");
  assertEquals(await claimed(claims.slice(1)), [
    `nothing is claimed of campaign ${first.campaignId}`,
  ]);
  assertEquals(await claimed([...claims, claims[0]!]), [
    `claims.jsonl line 6 speaks of ${first.campaignId} again`,
  ]);
  const unknown = canonicalJson({ campaignId: "nobody", status: null, kpi: null });
  assertEquals(await claimed([...claims, unknown]), [
    "claims.jsonl line 6: no event tells of campaign nobody",
  ]);
});

Deno.test("verify: recorded time that goes back", async () => {
  const { events } = await told();
  const at = events.findLastIndex(({ stored }) => stored.type === "campaign_edited");
  const { stored, ...rest } = events[at]!;
  const back = { ...rest, stored: { ...stored, time: events[0]!.stored.time } };
  const { faults } = await verified(exportOf(await forged(events.with(at, back))), { key });
  assertEquals(faults.length, 1);
  assertStringIncludes(faults[0]!, `was recorded at ${events[0]!.stored.time}, before`);
});

Deno.test("verify: a key that was exchanged, and one that somebody slipped in", async () => {
  const { events } = await told();
  const next = signerOf(signer.name, new Uint8Array(32).fill(4));
  const exchanged = async (by: Signer) => {
    const to = verifierKey(next);
    const signature = by.sign(new TextEncoder().encode(to)).toBase64();
    const { stored, ...rest } = events[300]!;
    const exchange = {
      ...rest,
      body: null,
      position: rest.position.replace(/-0000$/, "-0001"),
      stored: {
        ...stored,
        stream: "notary",
        type: "notary_key_rotated",
        schema: 1,
        data: { from: key, to, signature },
      },
    };
    return await forged(events.toSpliced(301, 0, exchange));
  };
  const history = await exchanged(signer);
  const since = checkpointOf(events, 200);
  const files = exportOf(history, next);
  for (const trust of [{ key }, { key, since }, { since }, { key: verifierKey(next), since }, {}]) {
    assertEquals((await verified(files, trust)).faults, []);
  }
  // The old key signs no more.
  const { faults } = await verified(exportOf(history, signer), { key });
  assertEquals(faults.length, 1);
  assertStringIncludes(faults[0]!, "is not signed by the key");
  const slipped = await verified(exportOf(await exchanged(strangerSigner), next), { key, since });
  assertStringIncludes(
    slipped.faults.join("\n"),
    "events-000000.ndjson line 302 exchanges the key of the log, but the old key has not signed it",
  );
  assertStringIncludes(slipped.faults.join("\n"), "the checkpoint is not signed by the key");
});

Deno.test("verify: an export that was not finished", async () => {
  const files = exportOf(await told());
  files.delete("manifest.json");
  const { faults } = await verified(files, { key });
  assertStringIncludes(faults.join(), "it was not finished");
});

Deno.test("verify: a file that does not belong is said, where it does no harm", async () => {
  const files = exportOf(await told());
  files.set("notes.txt", new Uint8Array(3));
  const { faults, notes } = await verified(files, { key });
  assertEquals({ faults, notes }, { faults: [], notes: ["notes.txt is no part of this export"] });
});

Deno.test("verify: no identifier of a person is in an export", async () => {
  for (const [name, bytes] of exportOf(await told())) {
    const text = decoder.decode(bytes);
    for (const id of ["d0", "d16", "u0", "u4"]) assert(!text.includes(`"${id}"`), `${name}: ${id}`);
  }
});
