/**
 * 200,000 interactions over 12 campaigns through HTTP, and every KPI beside a count made by other code
 * (`support/kpi_oracle.ts`). Another seed: `PLACARD_TEST_SEED=7 deno test …`.
 */
import { assert, assertEquals } from "@std/assert";
import { openPlacard, type Placard } from "../src/placard.ts";
import {
  compare,
  type Comparison,
  KpiOracle,
  type Question,
  type Sent,
} from "./support/kpi_oracle.ts";

const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_260_329);
const interactionCount = 200_000;
const batchItemsMax = 1_000;

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const quarterMs = 15 * minuteMs;
const day0 = Date.parse("2026-03-26T00:00:00.000Z");
const at = (hours: number, ms = 0) => day0 + hours * hourMs + ms;

/** The clock goes forward in Berlin on 29 March; back on 5 April, on Lord Howe by half an hour. */
const timeZones = ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham"];

type Step =
  & { readonly atMs: number }
  & (
    | { readonly do: "stop" | "restart" | "end" }
    | { readonly do: "edit"; readonly patch: Record<string, unknown>; readonly revision: number }
    /** What the clock does on its own. */
    | { readonly do: "posted" | "ended" }
  );

interface Plan {
  readonly startMs: number;
  readonly endMs: number;
  readonly share: number;
  readonly kinds?: "clicks only" | "nothing";
  readonly steps: readonly Step[];
}

const title = (text: string) => ({ content: { title: text } });
const startAt = (ms: number) => ({ schedule: { startAt: instant(ms) } });

const plans: readonly Plan[] = [
  { startMs: at(24), endMs: at(360), share: 25, steps: [] },
  {
    startMs: at(30),
    endMs: at(240),
    share: 15,
    steps: [
      { atMs: at(50), do: "edit", patch: title("Two"), revision: 2 },
      { atMs: at(50, 20 * minuteMs), do: "edit", patch: title("Three"), revision: 3 },
      { atMs: at(52), do: "edit", patch: { name: "Renamed" }, revision: 3 },
      { atMs: at(150), do: "edit", patch: title("Four"), revision: 4 },
    ],
  },
  // Stopped and restarted: posts again at once.
  {
    startMs: at(24),
    endMs: at(300),
    share: 12,
    steps: [
      { atMs: at(80, 13 * minuteMs), do: "stop" },
      { atMs: at(126, 7 * minuteMs + 1), do: "restart" },
      { atMs: at(126, 7 * minuteMs + 1), do: "posted" },
    ],
  },
  // Restarted for later, stopped again before that; then restarted within the interval.
  {
    startMs: at(26),
    endMs: at(330),
    share: 12,
    steps: [
      { atMs: at(90), do: "stop" },
      { atMs: at(95), do: "edit", patch: startAt(at(140)), revision: 1 },
      { atMs: at(100), do: "restart" },
      { atMs: at(110), do: "stop" },
      { atMs: at(120), do: "restart" },
      { atMs: at(140), do: "posted" },
      { atMs: at(200), do: "stop" },
      { atMs: at(200, 30 * secondMs), do: "restart" },
      { atMs: at(200, 30 * secondMs), do: "posted" },
    ],
  },
  // Stopped and left so until the end.
  { startMs: at(24), endMs: at(200), share: 8, steps: [{ atMs: at(150), do: "stop" }] },
  { startMs: at(28), endMs: at(350), share: 8, steps: [{ atMs: at(170), do: "end" }] },
  { startMs: at(24), endMs: at(400), share: 4, kinds: "clicks only", steps: [] },
  { startMs: at(24), endMs: at(400), share: 0, kinds: "nothing", steps: [] },
  {
    startMs: at(60),
    endMs: at(340),
    share: 10,
    steps: [
      { atMs: at(70), do: "edit", patch: title("Two"), revision: 2 },
      { atMs: at(180), do: "stop" },
      { atMs: at(185), do: "edit", patch: title("Three"), revision: 3 },
      { atMs: at(190, 5 * minuteMs), do: "restart" },
      { atMs: at(190, 5 * minuteMs), do: "posted" },
    ],
  },
  { startMs: at(72, 7), endMs: at(73, 1), share: 3, steps: [] },
  { startMs: at(120), endMs: at(430), share: 8, steps: [] },
  { startMs: at(260), endMs: at(420), share: 6, steps: [] },
];

Deno.test("KPIs equal a count made by other code, over 200,000 interactions", async () => {
  const startedMs = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "placard-oracle-" });
  const server = new Server(`${folder}/placard.kv`);
  try {
    await server.open();
    const oracle = new KpiOracle();
    const ids = await createCampaigns(server, oracle);
    const check = new Check(server, oracle, ids);
    const traffic = new Traffic(ids);
    const { batches } = traffic;
    const moments = [
      ...stepsOf(ids).map((one) => ({ atMs: one.step.atMs, ...one })),
      ...batches.map((batch, index) => ({ atMs: batch.atMs, batch, index })),
    ].sort((a, b) => a.atMs - b.atMs || Number("batch" in a) - Number("batch" in b));
    const madeMs = performance.now();

    let sent = 0;
    for (const moment of moments) {
      server.clockMs = moment.atMs;
      if ("step" in moment) {
        await takeStep(server, oracle, moment.id, moment.step);
        continue;
      }
      const { batch, index } = moment;
      await sendBatch(server, oracle, batch);
      sent += batch.items.length;
      await check.afterBatch(batch, index);
      const third = Math.floor(batches.length / 3);
      if (index === third) {
        await server.reopen("flushed");
        await check.everyCampaign();
      }
      // From here on no row is written, so that the next start has much of the log to fold.
      if (index === 2 * third - 30) server.stopFlushing();
      if (index === 2 * third) {
        await server.reopen("not flushed");
        await check.everyCampaign();
      }
    }
    const sentMs = performance.now();
    await check.everything();
    check.assertNoDifferences();
    const seconds = (fromMs: number, toMs: number) => ((toMs - fromMs) / 1_000).toFixed(1);
    console.log(
      `seed ${seed}: ${traffic.distinct} interactions, sent as ${sent} in ${batches.length} ` +
        `batches; ${check.comparison.figures} figures equal; made in ` +
        `${seconds(startedMs, madeMs)} s, sent in ${seconds(madeMs, sentMs)} s, compared in ` +
        `${seconds(sentMs, performance.now())} s`,
    );
  } catch (error) {
    console.log(`seed ${seed}`);
    throw error;
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
});

/** A Placard over a file, at a clock that the test sets. */
class Server {
  clockMs = day0;
  #kv: Deno.Kv | undefined;
  #placard: Placard | undefined;
  #ids = 0;

  constructor(readonly path: string) {}

  async open(): Promise<void> {
    this.#kv = await Deno.openKv(this.path);
    this.#placard = await openPlacard({
      kv: this.#kv,
      presetKeys: { operator: keyOf("operator"), sdk: keyOf("sdk"), auditor: keyOf("auditor") },
      prepareLeadMs: hourMs,
      reflectWindowMs: 10 * minuteMs,
      activeLimit: 30,
      timeZone: "UTC",
      nowMs: () => this.clockMs,
      newId: () => `id${(this.#ids++).toString(36).padStart(10, "0")}`,
      newSecret: () => crypto.randomUUID(),
      onBug: (error, request) => console.error(request.method, request.url, error),
    });
  }

  async close(): Promise<void> {
    await this.#placard?.close();
    this.#kv?.close();
  }

  /** As if the process were killed: what is stored of the read models stays where it is. */
  stopFlushing(): void {
    this.#placard!.engine.projector.flush = () => Promise.resolve();
  }

  async reopen(models: "flushed" | "not flushed"): Promise<void> {
    if (models === "not flushed") this.stopFlushing();
    await this.close();
    await this.open();
  }

  async call(
    role: "operator" | "sdk",
    method: string,
    path: string,
    body?: unknown,
    packed = false,
    // deno-lint-ignore no-explicit-any -- JSON
  ): Promise<{ status: number; body: any; position: string }> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#placard!.app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${keyOf(role)}`,
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...(packed ? { "content-encoding": "gzip" } : {}),
      },
      ...(text === undefined ? {} : { body: packed ? await gzip(text) : text }),
    });
    return {
      status: response.status,
      body: await response.json(),
      position: response.headers.get("placard-position")!,
    };
  }

  async command(method: string, path: string, body?: unknown) {
    const answer = await this.call("operator", method, path, body);
    assert(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

async function createCampaigns(server: Server, oracle: KpiOracle): Promise<string[]> {
  await server.command("PATCH", "/v1/workspace", { platforms: ["web", "android", "ios"] });
  const ids: string[] = [];
  for (const [index, { startMs, endMs }] of plans.entries()) {
    const { id } = await server.command("POST", "/v1/campaigns", {
      name: `Campaign ${index}`,
      type: "modal_text",
      platforms: ["web", "android", "ios"],
      content: title("One").content,
      schedule: { startAt: instant(startMs), endAt: instant(endMs) },
    });
    await server.command("POST", `/v1/campaigns/${id}/activate`);
    oracle.created(id);
    ids.push(id);
  }
  return ids;
}

/** All that happens to the campaigns, with what the clock does: the first posting and the end. */
function stepsOf(ids: readonly string[]): { id: string; step: Step }[] {
  return plans.flatMap(({ startMs, endMs, steps }, index) => {
    const clock: Step[] = [{ atMs: startMs, do: "posted" }];
    if (steps.every((step) => step.do !== "end")) clock.push({ atMs: endMs, do: "ended" });
    return [...clock, ...steps].map((step) => ({ id: ids[index]!, step }));
  });
}

async function takeStep(server: Server, oracle: KpiOracle, id: string, step: Step) {
  const path = `/v1/campaigns/${id}`;
  switch (step.do) {
    case "edit": {
      const { contentRevision } = await server.command("PATCH", path, step.patch);
      return assertEquals(contentRevision, step.revision);
    }
    case "stop":
      await server.command("POST", `${path}/stop`, { reason: "to see" });
      return oracle.stopped(id, step.atMs);
    case "restart":
      return await server.command("POST", `${path}/restart`);
    case "end":
      await server.command("POST", `${path}/end`);
      return oracle.ended(id, step.atMs);
    case "posted":
      return oracle.posted(id, step.atMs);
    case "ended":
      return oracle.ended(id, step.atMs);
  }
}

interface Batch {
  readonly atMs: number;
  readonly itemsMax: number;
  /** Sent as several requests at once: their order in the log is anybody's guess. */
  readonly parallel: boolean;
  readonly items: Sent[];
}

/** What devices send, and when: made before anything is sent, all from the seed. */
class Traffic {
  readonly random = mulberry32(seed);
  readonly batches: Batch[];
  distinct = 0;

  constructor(readonly ids: readonly string[]) {
    this.batches = this.#emptyBatches();
    for (; this.distinct < interactionCount; this.distinct++) this.#interaction(this.distinct);
    for (const { items } of this.batches) this.#shuffle(items);
  }

  /** At random through three weeks, and close to whatever happens to a campaign. */
  #emptyBatches(): Batch[] {
    const steps = stepsOf(this.ids).map(({ step }) => step.atMs);
    const near = steps.flatMap((ms) =>
      [-4 * minuteMs, -30 * secondMs, 1, 61 * secondMs, 3 * minuteMs].map((off) => ms + off)
    );
    const random = Array.from({ length: 330 - near.length }, () => at(24.5 + this.#below(480)));
    return [...near, ...random].map((atMs) => Math.floor(atMs)).sort((a, b) => a - b)
      .map((atMs, index) => ({
        atMs,
        itemsMax: index % 4 === 0 ? batchItemsMax : 700 + this.#below(300),
        parallel: index % 7 === 3,
        items: [],
      }));
  }

  #interaction(number: number): void {
    const chosen = this.#timed();
    const item = this.#item(`i${number}`, chosen.plan, chosen.occurredAtMs);
    chosen.batch.items.push(item);
    if (!this.#chance(0.2)) return;
    for (let copies = this.#chance(0.3) ? 3 : 1; copies > 0; copies--) {
      const batch = this.#batchFor(chosen.occurredAtMs);
      // The same id for something else: the first that arrives counts.
      const other = this.#chance(0.1) && !batch.parallel;
      const plan = other ? this.#plan() : chosen.plan;
      batch.items.push(other ? this.#item(item.id, plan, chosen.occurredAtMs) : item);
    }
  }

  /** Draws until it fits: a batch with room, a campaign, and a time at which it could be seen. */
  #timed(): { batch: Batch; plan: Plan; occurredAtMs: number } {
    for (let tries = 0;; tries++) {
      const batch = this.#batchWithRoom();
      const plan = this.#plan();
      const occurredAtMs = this.#chance(0.05) ? this.#edgeOf(plan) : batch.atMs - this.#delayMs();
      const ageMs = batch.atMs - occurredAtMs;
      const toMs = plan.endMs + (this.#chance(0.1) ? 7 * dayMs : 3 * hourMs);
      const fits = occurredAtMs >= plan.startMs && occurredAtMs < toMs &&
        ageMs <= 7 * dayMs && ageMs >= -5 * minuteMs;
      // A few that are to be refused.
      if (fits || tries > 0 && this.#chance(0.002)) return { batch, plan, occurredAtMs };
    }
  }

  /** How long it is on its way: mostly moments, often days; some clocks are ahead. */
  #delayMs(): number {
    const draw = this.random();
    if (draw < 0.6) return this.#below(10 * minuteMs);
    if (draw < 0.85) return this.#below(7 * dayMs);
    if (draw < 0.96) return -this.#below(5 * minuteMs);
    if (draw < 0.98) return -5 * minuteMs;
    return 7 * dayMs;
  }

  /** At or around an instant at which something changes for the campaign. */
  #edgeOf({ startMs, endMs, steps }: Plan): number {
    const around = [startMs, endMs, ...steps.map(({ atMs }) => atMs)];
    const offsets = [-1, 0, 1, 30_000, 59_999, 60_000, 60_001, 90_000, 4 * minuteMs, hourMs];
    return this.#oneOf(around) + this.#oneOf(offsets);
  }

  #item(id: string, plan: Plan, occurredAtMs: number): Sent {
    const draw = this.random();
    const kind = plan.kinds === "clicks only" || draw > 0.75 && draw < 0.94
      ? "click"
      : draw <= 0.75
      ? "impression"
      : draw < 0.97
      ? "event"
      : "hide";
    // Devices 0–3,999 have users, most of them two devices; one in ten times nobody is logged in.
    const device = Math.floor(6_000 * this.random() ** 2);
    const user = device < 4_000 && !this.#chance(0.1) ? device % 2_300 : undefined;
    const edits = plan.steps.filter((step) => step.do === "edit" && step.atMs <= occurredAtMs);
    const revision = 1 + Math.floor(this.#below(edits.length + 1));
    const campaignId = this.#chance(0.001) ? "cmp_of_nobody" : this.ids[plans.indexOf(plan)]!;
    return {
      id,
      kind,
      ...(kind === "event" && this.#chance(0.5) ? {} : { campaignId }),
      ...(kind === "event" && !this.#chance(0.01) ? { name: "purchase" } : {}),
      ...(kind === "hide" ? { name: "7d" } : {}),
      ...(this.#chance(0.9) ? { revision } : {}),
      ...(kind === "click" && this.#chance(0.95)
        ? { elementId: this.#oneOf(["buy", "later", "image", "Ü 7"]) }
        : {}),
      platform: this.#oneOf(["web", "web", "android", "ios"] as const),
      deviceId: `device ${device}`,
      ...(user === undefined ? {} : { userId: `user ${user}` }),
      occurredAt: instant(occurredAtMs),
    };
  }

  #batchWithRoom(): Batch {
    for (;;) {
      const batch = this.#oneOf(this.batches);
      if (batch.items.length < batch.itemsMax) return batch;
    }
  }

  #batchFor(occurredAtMs: number): Batch {
    for (;;) {
      const batch = this.#batchWithRoom();
      const ageMs = batch.atMs - occurredAtMs;
      // Now and then one that comes too late or too early.
      if (ageMs <= 7 * dayMs && ageMs >= -5 * minuteMs || this.#chance(0.003)) return batch;
    }
  }

  #plan(): Plan {
    let left = this.#below(plans.reduce((sum, { share }) => sum + share, 0));
    return plans.find(({ share }) => (left -= share) < 0)!;
  }

  #shuffle(items: unknown[]): void {
    for (let last = items.length - 1; last > 0; last--) {
      const other = Math.floor(this.#below(last + 1));
      [items[last], items[other]] = [items[other], items[last]];
    }
  }

  #oneOf<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  #below(limit: number): number {
    return this.random() * limit;
  }

  #chance(probability: number): boolean {
    return this.random() < probability;
  }
}

async function sendBatch(server: Server, oracle: KpiOracle, batch: Batch): Promise<void> {
  const { items, parallel, atMs } = batch;
  if (items.length === 0) return;
  const parts = parallel
    ? [0, 1, 2, 3].map((part) => items.filter((_, i) => i % 4 === part))
    : [items];
  await Promise.all(
    parts.filter((part) => part.length > 0).map(async (interactions, index) => {
      const owed = oracle.receive(interactions, atMs);
      const packed = index % 2 === 1;
      const { status, body } = await server.call(
        "sdk",
        "POST",
        "/v1/interactions",
        { interactions },
        packed,
      );
      assertEquals(status, 202, JSON.stringify(body));
      const rejected = body.rejected
        .map(({ index, code }: { index: number; code: string }) => ({ index, code }));
      assertEquals({ accepted: body.accepted, rejected }, owed);
    }),
  );
}

/** Asks the server and the oracle the same. */
class Check {
  readonly comparison: Comparison = { figures: 0, differences: [] };
  readonly #random = mulberry32(seed + 1);
  #timeZone = "UTC";

  constructor(
    readonly server: Server,
    readonly oracle: KpiOracle,
    readonly ids: readonly string[],
  ) {}

  /** The very next reads after a 202 have what was sent. */
  async afterBatch(batch: Batch, index: number): Promise<void> {
    const touched = batch.items.map(({ campaignId }) => campaignId)
      .find((id) => id !== undefined && this.ids.includes(id));
    await this.#ask({ campaigns: [touched ?? this.ids[0]!] });
    if (index % 10 === 0) await this.#ask(this.#randomQuestion());
    if (index % 50 === 0) await this.#ask({ campaigns: this.ids, granularity: "hour" });
  }

  async everyCampaign(): Promise<void> {
    for (const id of this.ids) await this.#ask({ campaigns: [id], granularity: "day" });
    await this.#ask({ campaigns: this.ids });
    this.assertNoDifferences();
  }

  async everything(): Promise<void> {
    for (const id of this.ids) {
      for (const by of ["element", "platform", "revision"] as const) {
        await this.#ask({ campaigns: [id], by });
        await this.#ask({ campaigns: [id], by, ...this.#period() });
      }
    }
    for (const timeZone of timeZones) {
      await this.server.command("PATCH", "/v1/workspace", { timeZone });
      this.#timeZone = timeZone;
      for (const granularity of ["hour", "day"] as const) {
        for (const id of this.ids) {
          await this.#ask({ campaigns: [id], granularity });
          await this.#ask({ campaigns: [id], granularity, ...this.#period() });
        }
        await this.#ask({ campaigns: this.ids, granularity });
      }
    }
    for (let count = 0; count < 200; count++) await this.#ask(this.#randomQuestion());
  }

  assertNoDifferences(): void {
    const { differences } = this.comparison;
    assertEquals(differences.slice(0, 20), [], `${differences.length} differences, seed ${seed}`);
  }

  #randomQuestion(): Omit<Question, "timeZone"> {
    const size = 1 + this.#below(this.ids.length);
    const first = this.#below(this.ids.length);
    const rotated = [...this.ids.slice(first), ...this.ids.slice(0, first)];
    const by = ([undefined, "element", "platform", "revision"] as const)[this.#below(4)];
    const granularity = ([undefined, "hour", "day"] as const)[this.#below(3)];
    return { campaigns: rotated.slice(0, size), by, granularity, ...this.#period() };
  }

  /** Whole quarter-hours; sometimes open, sometimes empty. */
  #period(): Pick<Question, "fromMs" | "toMs"> {
    const fromMs = at(20) + this.#below(500 * 4) * quarterMs;
    const lengths = [0, 1, 3, 4, 5, 50, 96, 97, 300, 1_000, 3_000];
    const toMs = fromMs + lengths[this.#below(lengths.length)]! * quarterMs;
    const draw = this.#random();
    return draw < 0.1 ? { fromMs } : draw < 0.2 ? { toMs } : { fromMs, toMs };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  async #ask(question: Omit<Question, "timeZone">): Promise<void> {
    const { campaigns, fromMs, toMs, granularity, by } = question;
    const query = new URLSearchParams({
      ...(fromMs === undefined ? {} : { from: instant(fromMs) }),
      ...(toMs === undefined ? {} : { to: instant(toMs) }),
      ...(granularity ? { granularity } : {}),
      ...(by ? { by } : {}),
    });
    const [only] = campaigns;
    const all = campaigns.length === this.ids.length && this.#random() < 0.5;
    if (campaigns.length > 1 && !all) {
      for (const campaign of campaigns) query.append("campaign", campaign);
    }
    const path = campaigns.length === 1 ? `/v1/campaigns/${only}/kpi` : "/v1/kpi";
    const { status, body } = await this.server.call("operator", "GET", `${path}?${query}`);
    assertEquals(status, 200, JSON.stringify(body));
    const expected = this.oracle.answer({ ...question, timeZone: this.#timeZone });
    const where = `${this.#timeZone} ${campaigns.map((id) => this.ids.indexOf(id))} ${query}`;
    compare(expected, body, this.comparison, where);
  }
}

function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
}

function keyOf(role: string): string {
  return `${role} key of the test, long enough to be one`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** A small generator of random numbers in [0, 1). */
function mulberry32(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
