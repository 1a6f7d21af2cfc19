/**
 * The clock of a real Placard with nobody reading: every boundary is recorded by itself, soon, once,
 * and with its own date. Only the log is looked at.
 */
import { assert, assertEquals } from "@std/assert";
import type { StoredEvent } from "../../events/recorded_event.ts";
import type { CampaignCommand } from "../../src/campaign/mod.ts";
import { cursorAtStart } from "../../src/event_store/mod.ts";
import { openPlacard, type Placard, type PlacardOptions } from "../../src/placard.ts";
import { minimal, settingsOf } from "../events/settings_examples.ts";
import { until } from "../support/process.ts";
import { dayMs, hourMs, minuteMs, presetKeys } from "../support/server.ts";

const lateMsMax = 250;
/** A machine's clock that can be stopped and set wrong. */
class Clock {
  offsetMs = 0;
  stoodMs: number | null = null;
  readonly nowMs = () => this.stoodMs ?? Date.now() + this.offsetMs;
}

type Durations = Pick<PlacardOptions, "prepareLeadMs" | "reflectWindowMs">;

async function withPlacard(
  clock: Clock,
  durations: Durations,
  body: (placard: Placard) => Promise<void>,
): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  let ids = 0;
  const placard = await openPlacard({
    kv,
    presetKeys,
    ...durations,
    activeLimit: 100,
    timeZone: "UTC",
    nowMs: clock.nowMs,
    newId: () => (++ids).toString(16).padStart(32, "0"),
    newSecret: () => "s".repeat(64),
    onBug: (error) => {
      throw error;
    },
  });
  try {
    await body(placard);
  } finally {
    await placard.close();
    kv.close();
  }
}

async function command(
  { engine }: Placard,
  id: string,
  command: CampaignCommand,
): Promise<void> {
  const { answer } = await engine.transact.campaign(id, {
    command,
    meta: { actor: "key:test", commandId: engine.newId(), traceId: "t" },
    answer: (result) => ({ answer: result, success: true }),
  });
  assertEquals(answer.kind, "done", `${command.type} of ${id}: ${JSON.stringify(answer)}`);
  // The answer comes before the fold, which is what the scheduler learns of it from.
  await engine.tail.readOwnWrites();
}

async function activate(placard: Placard, id: string, startMs: number, endMs: number) {
  const schedule = { startAt: instant(startMs), endAt: instant(endMs) };
  const settings = settingsOf({ ...minimal.modal_text, schedule });
  await command(placard, id, { type: "create", settings, copiedFrom: null });
  await command(placard, id, { type: "activate" });
}

const instant = (ms: number) => new Date(ms).toISOString();

/** Of campaigns, just as they stand in the log. */
async function logged({ engine: { reader } }: Placard): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const { epoch, versionstamp } of reader.read(cursorAtStart)) {
    events.push(...(await reader.storedRow(epoch, versionstamp))!);
  }
  const times = events.map(({ time }) => time);
  assertEquals(times, times.toSorted(), "recorded time decreases");
  return events.filter(({ stream }) => stream.startsWith("campaign/"));
}

/** "type at" of a campaign's boundaries, in the order of the log. */
function boundariesOf(events: readonly StoredEvent[], id: string): string[] {
  return events.filter(({ stream, data }) =>
    stream === `campaign/${id}` && "at" in (data as object)
  )
    .map(({ type, data }) => `${type} ${(data as { at: string }).at}`);
}

function lifeOf(startMs: number, endMs: number, { prepareLeadMs }: Durations): string[] {
  return [
    `campaign_preparing ${instant(startMs - prepareLeadMs)}`,
    `audience_frozen ${instant(startMs - prepareLeadMs)}`,
    `campaign_posted ${instant(startMs)}`,
    `campaign_ended ${instant(endMs)}`,
  ];
}

const count = (events: readonly StoredEvent[], type: string) =>
  events.filter((event) => event.type === type).length;

Deno.test("scheduler: boundaries over a second are recorded by themselves, and soon", () => {
  const durations = { prepareLeadMs: 200, reflectWindowMs: 150 };
  const clock = new Clock();
  return withPlacard(clock, durations, async (placard) => {
    const madeMs = clock.stoodMs = Date.now();
    const firstMs = madeMs + 300;
    const campaigns = Array.from({ length: 12 }, (_, nth) => ({
      id: `c${nth}`,
      startMs: firstMs + nth * 80,
      endMs: firstMs + nth * 80 + 130,
    }));
    await Promise.all(
      campaigns.map(({ id, startMs, endMs }) => activate(placard, id, startMs, endMs)),
    );
    await activate(placard, "edited", madeMs - 1, madeMs + hourMs);
    await command(placard, "edited", { type: "edit", patch: { name: "Edited" } });
    clock.offsetMs = madeMs - Date.now();
    clock.stoodMs = null;
    await until("all have ended", async () => {
      return count(await logged(placard), "campaign_ended") === campaigns.length;
    });
    const events = await logged(placard);
    for (const { id, startMs, endMs } of campaigns) {
      assertEquals(boundariesOf(events, id), lifeOf(startMs, endMs, durations));
    }
    assertEquals(count(events, "modifications_reflected"), 1);
    const late = events.filter(({ meta }) => meta.actor === "clock")
      .map(({ time, data }) => Date.parse(time) - Date.parse((data as { at: string }).at))
      .sort((a, b) => a - b);
    assert(late[0]! >= 0, "recorded before it was due");
    const median = late[Math.floor(late.length / 2)]!;
    assert(median <= lateMsMax, `half of the boundaries came more than ${median} ms late`);
  });
});

const lead: Durations = { prepareLeadMs: hourMs, reflectWindowMs: 10 * minuteMs };

Deno.test("scheduler: a clock that jumps a day ahead records each boundary at its own date", () => {
  const clock = new Clock();
  return withPlacard(clock, lead, async (placard) => {
    const nowMs = clock.nowMs();
    const campaigns = [5, 2, 9, 3].map((hours, nth) => ({
      id: `c${nth}`,
      startMs: nowMs + hours * hourMs,
      endMs: nowMs + (hours + 10) * hourMs,
    }));
    for (const { id, startMs, endMs } of campaigns) await activate(placard, id, startMs, endMs);
    clock.offsetMs = dayMs;
    await until("all have ended", async () => {
      return count(await logged(placard), "campaign_ended") === campaigns.length;
    });
    const events = await logged(placard);
    for (const { id, startMs, endMs } of campaigns) {
      assertEquals(boundariesOf(events, id), lifeOf(startMs, endMs, lead));
    }
    // One after the other as they were due, whichever campaign they belong to.
    const dates = events.filter(({ data }) => "at" in (data as object))
      .map(({ data }) => (data as { at: string }).at);
    assertEquals(dates, dates.toSorted());
    const recorded = events.filter(({ meta }) => meta.actor === "clock").map(({ time }) => time);
    assert(recorded.every((time) => time >= instant(nowMs + dayMs)));
  });
});

Deno.test("scheduler: a clock that jumps back records nothing twice, and time goes on", () => {
  const clock = new Clock();
  return withPlacard(clock, lead, async (placard) => {
    const nowMs = clock.nowMs();
    const [startMs, endMs] = [nowMs + 2 * hourMs, nowMs + 2 * dayMs];
    await activate(placard, "c1", startMs, endMs);
    clock.offsetMs = dayMs;
    await until("it is posted", async () => count(await logged(placard), "campaign_posted") === 1);
    clock.offsetMs = 0;
    const before = (await logged(placard)).at(-1)!;
    await command(placard, "c1", { type: "edit", patch: { name: "Set back" } });
    // The log's time is a day ahead of the clock: for the log this start has passed.
    await activate(placard, "c2", nowMs + 3 * hourMs, nowMs + 3 * dayMs);
    const back = await logged(placard);
    assert(back.at(-1)!.time >= before.time);
    assertEquals(boundariesOf(back, "c1"), lifeOf(startMs, endMs, lead).slice(0, 3));
    assertEquals(boundariesOf(back, "c2").map((one) => one.split(" ")[0]), [
      "campaign_preparing",
      "audience_frozen",
      "campaign_posted",
    ]);
    clock.offsetMs = 4 * dayMs;
    await until("both end", async () => count(await logged(placard), "campaign_ended") === 2);
    const events = await logged(placard);
    const reflectedAt = instant(Date.parse(before.time) + lead.reflectWindowMs);
    const reflected = boundariesOf(events, "c1")[3]!.split(" ");
    assertEquals(reflected[0], "modifications_reflected");
    assert(reflected[1]! >= reflectedAt);
    assertEquals(boundariesOf(events, "c1").toSpliced(3, 1), lifeOf(startMs, endMs, lead));
    assertEquals(count(events, "campaign_posted"), 2);
  });
});
