/** A closed scheduler leaves no timer, wherever it is when it is closed. */
import { assert, assertEquals } from "@std/assert";
import { campaignDecider, type CampaignState } from "../../src/campaign/mod.ts";
import type { StreamHead, StreamStates, Tail } from "../../src/event_store/mod.ts";
import { Scheduler } from "../../src/scheduler/mod.ts";
import type { StreamState, Transact } from "../../src/transact/mod.ts";
import { minimal, settingsOf } from "../events/settings_examples.ts";
import { until } from "../support/process.ts";

const startMs = Date.parse("2026-04-01T00:00:00.000Z");
const waiting: CampaignState = {
  ...campaignDecider.initial,
  status: "waiting_to_post",
  settings: settingsOf(minimal.modal_text),
};

/** A scheduler whose only campaign is due, over commands that end when the test says so. */
class Scheduled {
  readonly scheduler: Scheduler;
  /** Ends one command each, well or not. */
  readonly commands: PromiseWithResolvers<number>[] = [];
  listener!: (stream: string, head: StreamHead<StreamState>) => void;

  constructor() {
    const states = {
      onChange: (listener: typeof this.listener) => void (this.listener = listener),
    } as unknown as StreamStates<StreamState>;
    const transact = {
      advance: () => {
        this.commands.push(Promise.withResolvers<number>());
        return this.commands.at(-1)!.promise;
      },
    } as unknown as Transact;
    this.scheduler = new Scheduler({
      states,
      transact,
      tail: { readOwnWrites: () => Promise.resolve() } as unknown as Tail,
      durations: { prepareLeadMs: 0, reflectWindowMs: 0, statusCheckMs: 0 },
      nowMs: () => startMs,
      newId: () => "id",
    });
    this.become(waiting);
  }

  become(state: CampaignState): void {
    this.listener("campaign/c1", { version: 1, hash: "", state });
  }
}

/** Runs `body`; gives how many of the timers that were set in it have neither run nor been cleared. */
async function timersLeft(body: () => Promise<void>): Promise<number> {
  const { setTimeout, clearTimeout } = globalThis;
  const left = new Set<unknown>();
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    const timer = setTimeout(() => {
      left.delete(timer);
      run();
    }, ms);
    left.add(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((timer: number | undefined) => {
    left.delete(timer);
    clearTimeout(timer);
  }) as typeof clearTimeout;
  try {
    await body();
    return left.size;
  } finally {
    for (const timer of left) clearTimeout(timer as number);
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}

const phases: [when: string, body: (scheduled: Scheduled) => Promise<void>][] = [
  ["before it was started", ({ scheduler }) => scheduler.close()],
  ["right after its start", async ({ scheduler }) => {
    scheduler.start();
    await scheduler.close();
  }],
  ["while a boundary is recorded", async ({ scheduler, commands }) => {
    scheduler.start();
    await until("it is under way", () => commands.length === 1);
    const closed = scheduler.close();
    commands[0]!.resolve(1);
    await closed;
  }],
  ["while recording a boundary fails", async ({ scheduler, commands }) => {
    scheduler.start();
    await until("it is under way", () => commands.length === 1);
    const closed = scheduler.close();
    commands[0]!.reject(new Error("the store is down"));
    await closed;
  }],
  ["between two looks", async (scheduled) => {
    const { scheduler, commands } = scheduled;
    scheduler.start();
    await until("it is under way", () => commands.length === 1);
    scheduled.become({ ...waiting, status: "ended" });
    commands[0]!.resolve(1);
    await until("it sleeps", () => scheduler.nextDueMs === null);
    await scheduler.close();
  }],
];

Deno.test("scheduler: closing leaves no timer and no wish to set one", async () => {
  for (const [when, body] of phases) {
    const scheduled = new Scheduled();
    const left = await timersLeft(async () => {
      await body(scheduled);
      // Whoever waited for the recording has had its turn.
      await new Promise((done) => queueMicrotask(() => done(undefined)));
    });
    assertEquals(left, 0, `closed ${when}`);
  }
});

Deno.test("scheduler: after a failed try it tries again", async () => {
  const scheduled = new Scheduled();
  const { scheduler, commands } = scheduled;
  scheduler.start();
  await until("it is under way", () => commands.length === 1);
  assert(scheduler.isDue);
  commands[0]!.reject(new Error("the store is down"));
  await until("it tries again", () => commands.length === 2);
  scheduled.become({ ...waiting, status: "ended" });
  commands[1]!.resolve(1);
  await scheduler.close();
  assertEquals(scheduler.nextDueMs, null);
});

Deno.test("scheduler: those who settle at the same time share one recording", async () => {
  const scheduled = new Scheduled();
  const { scheduler, commands } = scheduled;
  const settled = Promise.all([scheduler.settle(), scheduler.settle(), scheduler.settle()]);
  await until("it is under way", () => commands.length > 0);
  scheduled.become({ ...waiting, status: "ended" });
  commands[0]!.resolve(1);
  await settled;
  await scheduler.settle();
  assertEquals(commands.length, 1);
});
