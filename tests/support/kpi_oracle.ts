/**
 * Counts KPIs a second time, from the list of what was sent and of what was done to the campaigns:
 * plain Sets over plain lists, everything from nothing at every question. It shares no code with the
 * server on purpose: it holds the rules of docs/guide.md and §7 as anybody would read them there.
 */

/** An interaction as it goes over the wire. */
export interface Sent {
  readonly id: string;
  readonly kind: "impression" | "click" | "event" | "hide";
  readonly campaignId?: string;
  readonly revision?: number;
  readonly elementId?: string;
  readonly name?: string;
  readonly platform: "web" | "android" | "ios";
  readonly deviceId: string;
  readonly userId?: string;
  readonly occurredAt: string;
}

export interface Question {
  readonly campaigns: readonly string[];
  /** Inside. */
  readonly fromMs?: number | undefined;
  /** Outside. */
  readonly toMs?: number | undefined;
  readonly granularity?: "hour" | "day" | undefined;
  readonly by?: "element" | "platform" | "revision" | undefined;
  readonly timeZone: string;
}

export type Nine = Record<string, number | null>;
export interface Expected {
  readonly nine: Nine;
  readonly late: number;
  readonly series?: readonly { readonly from: string; readonly to: string; readonly nine: Nine }[];
  readonly breakdown?: readonly { readonly key: string | null; readonly nine: Nine }[];
}

interface Life {
  readonly postedAtMs: number[];
  readonly stoppedAtMs: number[];
  endedAtMs: number;
  readonly counted: Counted[];
}

interface Counted extends Sent {
  readonly atMs: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const quarterMs = 15 * minuteMs;
/** A session may go on showing what was stopped for so long. */
const statusCheckMs = minuteMs;
const aheadMsMax = 5 * minuteMs;
const ageMsMax = 7 * dayMs;

export class KpiOracle {
  readonly #lives = new Map<string, Life>();
  /** Never forgets. */
  readonly #ids = new Set<string>();

  created(campaignId: string): void {
    const life = { postedAtMs: [], stoppedAtMs: [], endedAtMs: Infinity, counted: [] };
    this.#lives.set(campaignId, life);
  }

  posted(campaignId: string, atMs: number): void {
    this.#life(campaignId).postedAtMs.push(atMs);
  }

  stopped(campaignId: string, atMs: number): void {
    this.#life(campaignId).stoppedAtMs.push(atMs);
  }

  ended(campaignId: string, atMs: number): void {
    this.#life(campaignId).endedAtMs = atMs;
  }

  /** Takes a batch; gives the answer that the server owes: how many it accepts, and which not. */
  receive(items: readonly Sent[], arrivedAtMs: number) {
    const rejected: { index: number; code: string }[] = [];
    items.forEach((item, index) => {
      const code = this.#judge(item, arrivedAtMs);
      if (code !== null) rejected.push({ index, code });
      else if (!this.#ids.has(item.id)) {
        this.#ids.add(item.id);
        if (item.kind !== "impression" && item.kind !== "click") return;
        this.#life(item.campaignId!).counted.push({ ...item, atMs: Date.parse(item.occurredAt) });
      }
    });
    return { accepted: items.length - rejected.length, rejected };
  }

  answer({ campaigns, fromMs, toMs, granularity, by, timeZone }: Question): Expected {
    const counted: Counted[] = [];
    let late = 0;
    for (const campaignId of new Set(campaigns)) {
      const life = this.#life(campaignId);
      for (const item of life.counted) {
        if (item.atMs < (fromMs ?? -Infinity) || item.atMs >= (toMs ?? Infinity)) continue;
        if (item.kind === "impression" && isLate(life, item.atMs)) late++;
        else counted.push(item);
      }
    }
    return {
      nine: nine(counted),
      late,
      ...(granularity && { series: seriesOf(counted, granularity, timeZone, fromMs, toMs) }),
      ...(by && { breakdown: breakdownOf(counted, by) }),
    };
  }

  #judge(item: Sent, arrivedAtMs: number): string | null {
    const needsCampaign = item.kind !== "event";
    if (needsCampaign ? item.campaignId === undefined : item.name === undefined) return "invalid";
    const atMs = Date.parse(item.occurredAt);
    const life = item.campaignId === undefined ? null : this.#lives.get(item.campaignId);
    if (life === undefined) return "unknown_campaign";
    if (atMs - arrivedAtMs > aheadMsMax) return "in_future";
    if (arrivedAtMs - atMs > ageMsMax) return "too_old";
    if (life === null) return null;
    if (!(life.postedAtMs[0]! <= atMs)) return "not_posted";
    return atMs < life.endedAtMs + 7 * dayMs ? null : "after_end";
  }

  #life(campaignId: string): Life {
    return this.#lives.get(campaignId)!;
  }
}

/** Later than a stop + the interval, and not posted again since that stop. */
function isLate({ stoppedAtMs, postedAtMs }: Life, atMs: number): boolean {
  return stoppedAtMs.some((stopMs) =>
    atMs > stopMs + statusCheckMs &&
    !postedAtMs.some((postMs) => postMs > stopMs && postMs <= atMs)
  );
}

function nine(items: readonly Counted[]): Nine {
  const impressions = items.filter(({ kind }) => kind === "impression");
  const clicks = items.filter(({ kind }) => kind === "click");
  return nineOf(distinct(impressions), distinct(clicks));
}

function distinct(items: readonly Counted[]) {
  const devices = new Set<string>();
  const users = new Set<string>();
  for (const { deviceId, userId } of items) {
    devices.add(deviceId);
    if (userId !== undefined) users.add(userId);
  }
  return { total: items.length, devices: devices.size, users: users.size };
}
type Distinct = ReturnType<typeof distinct>;

function nineOf(impressions: Distinct, clicks: Distinct): Nine {
  const perCent = (part: number, whole: number) => whole === 0 ? null : part * 100 / whole;
  return {
    totalImpressions: impressions.total,
    uniqueImpressions: impressions.devices,
    userImpressions: impressions.users,
    totalClicks: clicks.total,
    uniqueClicks: clicks.devices,
    userClicks: clicks.users,
    totalCtr: perCent(clicks.total, impressions.total),
    uniqueCtr: perCent(clicks.devices, impressions.devices),
    userCtr: perCent(clicks.users, impressions.users),
  };
}

/** Elements are those clicked; what is seen of one is the message, so all impressions are its own. */
function breakdownOf(items: readonly Counted[], by: NonNullable<Question["by"]>) {
  const groups = new Map<string | null, Counted[]>();
  for (const item of items) {
    if (by === "element" && item.kind === "impression") continue;
    const value = by === "element" ? item.elementId : item[by];
    const key = value === undefined ? null : String(value);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key)!.push(item);
  }
  const impressions = distinct(items.filter(({ kind }) => kind === "impression"));
  return [...groups].map(([key, group]) => ({
    key,
    nine: by === "element" ? nineOf(impressions, distinct(group)) : nine(group),
  }));
}

/** Walks over the quarter-hours of the period and cuts wherever the wall clock begins a new bucket. */
function seriesOf(
  items: readonly Counted[],
  granularity: "hour" | "day",
  timeZone: string,
  fromMs: number | undefined,
  toMs: number | undefined,
) {
  const times = items.map(({ atMs }) => Math.floor(atMs / quarterMs) * quarterMs);
  if (times.length === 0 && (fromMs === undefined || toMs === undefined)) return [];
  const least = (a: number, b: number) => Math.min(a, b);
  let start = fromMs ?? times.reduce(least, Infinity);
  if (fromMs === undefined) {
    while (!beginsBucket(start, granularity, timeZone)) start -= quarterMs;
  }
  let end = toMs ?? -times.map((time) => -time).reduce(least, Infinity) + quarterMs;
  if (toMs === undefined) { while (!beginsBucket(end, granularity, timeZone)) end += quarterMs; }

  const buckets: { fromMs: number; items: Counted[] }[] = [];
  const bucketOf = new Map<number, Counted[]>();
  for (let quarter = start; quarter < end; quarter += quarterMs) {
    if (quarter === start || beginsBucket(quarter, granularity, timeZone)) {
      buckets.push({ fromMs: quarter, items: [] });
    }
    bucketOf.set(quarter, buckets.at(-1)!.items);
  }
  items.forEach((item, index) => bucketOf.get(times[index]!)!.push(item));
  return buckets.map(({ fromMs, items }, index) => ({
    from: new Date(fromMs).toISOString(),
    to: new Date(buckets[index + 1]?.fromMs ?? end).toISOString(),
    nine: nine(items),
  }));
}

/** An hour also begins where the clock is changed. No zone of the test changes it at midnight. */
function beginsBucket(quarter: number, granularity: "hour" | "day", timeZone: string): boolean {
  const before = wallClock(quarter - quarterMs, timeZone);
  const now = wallClock(quarter, timeZone);
  if (granularity === "day") return Math.floor(now / dayMs) !== Math.floor(before / dayMs);
  return now % (60 * minuteMs) === 0 || now - before !== quarterMs;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const wallClocks = new Map<string, Map<number, number>>();

/** What the clock on the wall shows, as if it showed UTC. */
function wallClock(instantMs: number, timeZone: string): number {
  let inZone = wallClocks.get(timeZone);
  if (!inZone) wallClocks.set(timeZone, inZone = new Map());
  const known = inZone.get(instantMs);
  if (known !== undefined) return known;
  // In Swedish a date is written like "2026-03-29 03:15:00".
  const format = formats.get(timeZone) ??
    new Intl.DateTimeFormat("sv", { timeZone, dateStyle: "short", timeStyle: "medium" });
  formats.set(timeZone, format);
  const shown = Date.parse(`${format.format(instantMs).replace(" ", "T")}Z`);
  inZone.set(instantMs, shown);
  return shown;
}

/** An answer of the server, as far as the contract names its fields. */
export interface Answer extends Nine {
  readonly late: number;
  // deno-lint-ignore no-explicit-any -- JSON
  readonly series?: any;
  // deno-lint-ignore no-explicit-any -- JSON
  readonly breakdown?: any;
}

export interface Comparison {
  /** How many figures were compared. */
  figures: number;
  readonly differences: string[];
}

/** Compares every figure; counts are exact, ratios may differ in the last bits of a double. */
export function compare(expected: Expected, answer: Answer, into: Comparison, where: string): void {
  const same = (name: string, own: unknown, theirs: unknown) => {
    into.figures++;
    const close = typeof own === "number" && typeof theirs === "number" && name.endsWith("Ctr") &&
      Math.abs(own - theirs) < 1e-9;
    if (own !== theirs && !close) {
      into.differences.push(`${where} ${name}: counted ${own}, answered ${theirs}`);
    }
  };
  const sameNine = (at: string, own: Nine, theirs: Nine | undefined) => {
    for (const [name, value] of Object.entries(own)) same(`${at}${name}`, value, theirs?.[name]);
  };
  sameNine("", expected.nine, answer);
  same("late", expected.late, answer.late);
  if (expected.series) {
    same("series.length", expected.series.length, answer.series?.length);
    expected.series.forEach(({ from, to, nine }, index) => {
      same(`series[${index}].from`, from, answer.series?.[index]?.from);
      same(`series[${index}].to`, to, answer.series?.[index]?.to);
      sameNine(`series[${index}].`, nine, answer.series?.[index]);
    });
  }
  if (expected.breakdown) {
    same("breakdown.length", expected.breakdown.length, answer.breakdown?.length);
    for (const { key, nine } of expected.breakdown) {
      const entry = answer.breakdown?.find((one: { key: string | null }) => one.key === key);
      sameNine(`breakdown[${key}].`, nine, entry);
    }
  }
}
