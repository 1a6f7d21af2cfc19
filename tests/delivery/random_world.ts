/** What happens in the worlds that both models are asked about, drawn from a seed: places, settings, moments. */
import { nextChange, wallOf } from "./second_calendar.ts";
import type { By, Cap, HideLength, Per, Settings } from "./second_life.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export const platforms = ["web", "android", "ios"];

/** Chance, always the same for a seed. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to and without 1. */
  draw(): number {
    this.#state = this.#state + 0x9e37_79b9 >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 16, 0x21f0_aaad);
    mixed = Math.imul(mixed ^ mixed >>> 15, 0x735a_2d97);
    return ((mixed ^ mixed >>> 15) >>> 0) / 2 ** 32;
  }

  is(share: number): boolean {
    return this.draw() < share;
  }

  below(limit: number): number {
    return Math.floor(this.draw() * limit);
  }

  oneOf<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  some<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items];
    return Array.from(
      { length: Math.min(count, items.length) },
      () => left.splice(this.below(left.length), 1)[0]!,
    );
  }

  id(): string {
    return Array.from({ length: 4 }, () => this.below(2 ** 32).toString(16).padStart(8, "0")).join(
      "",
    );
  }
}

/** Where the clock is changed, and a day from which on the next change is looked for. */
const places: readonly (readonly [zone: string, from: string])[] = [
  ["America/New_York", "2026-03-01"],
  ["America/New_York", "2026-10-25"],
  ["Europe/Berlin", "2026-03-20"],
  ["Europe/Berlin", "2026-10-20"],
  ["Australia/Lord_Howe", "2026-03-28"],
  ["Australia/Lord_Howe", "2026-09-27"],
  // At midnight: a day without its beginning, and one with two last hours.
  ["America/Sao_Paulo", "2017-10-08"],
  ["America/Sao_Paulo", "2018-02-10"],
  ["Africa/Casablanca", "2026-02-08"],
  ["Africa/Casablanca", "2026-03-15"],
  ["Africa/Cairo", "2026-04-18"],
  ["Africa/Cairo", "2026-10-24"],
];
export const placeCount = places.length;
const otherZones = ["UTC", "Asia/Kathmandu", "Pacific/Chatham", "Pacific/Kiritimati"];

export interface Plan {
  /** Of the clock changes. */
  readonly zone: string;
  readonly workspaceZone: string;
  readonly changeMs: number;
  readonly startMs: number;
  /** Ascending. */
  readonly moments: number[];
}

export function planOf(chance: Chance, place: number, momentCount: number): Plan {
  const [zone, from] = places[place % places.length]!;
  const fromMs = Date.parse(`${from}T00:00:00Z`);
  const changeMs = nextChange(zone, fromMs, fromMs + 30 * dayMs);
  const startMs = changeMs - 30 * hourMs - chance.below(12 * 60) * minuteMs;
  const odd = [-1, 0, 0, 0, 0, 1, 30_000, 59_999];
  const moments = Array.from({ length: momentCount }, () => {
    const minutes = chance.is(0.5)
      ? 5 * (chance.below(120) - 60)
      : chance.is(0.8)
      ? chance.below(100 * 60) - 28 * 60
      : chance.below(10 * 24 * 60);
    const wholeMs = Math.floor(changeMs / minuteMs) * minuteMs + minutes * minuteMs;
    return wholeMs + chance.oneOf(odd);
  });
  return {
    zone,
    workspaceZone: chance.is(0.75) ? zone : chance.oneOf(otherZones),
    changeMs,
    startMs,
    moments: moments.filter((ms) => ms > startMs).sort((a, b) => a - b),
  };
}

const capKinds = (["total", "day", "hour", "session"] as Per[])
  .flatMap((per) => (["user", "device"] as By[]).map((by) => ({ per, by })));

/** The parts of settings, each drawn by itself: an edit draws some of them anew. */
export class RandomSettings {
  #titles = 0;

  constructor(
    readonly chance: Chance,
    readonly plan: Plan,
    readonly audiences: readonly string[],
  ) {}

  whole(): Settings {
    const { chance, plan } = this;
    const startMs = chance.is(0.75)
      ? plan.startMs - chance.below(48) * hourMs
      : plan.changeMs + (chance.below(24) - 14) * 30 * minuteMs;
    const endMs = chance.is(0.75)
      ? plan.changeMs + (11 + chance.below(20)) * dayMs
      : plan.changeMs + (2 + chance.below(90)) * 30 * minuteMs;
    return {
      ...this.content(),
      ...this.order(),
      ...this.days(),
      ...this.audience(),
      platforms: this.platforms(),
      caps: this.caps(),
      startMs,
      endMs: Math.max(endMs, startMs + hourMs),
      description: "",
    };
  }

  /** Some parts anew, as an edit of a campaign whose audience and start are locked. */
  edited(settings: Settings): Settings {
    const { chance } = this;
    const others: readonly Partial<Settings>[] = [
      this.content(),
      this.content(),
      this.order(),
      this.days(),
      { caps: this.caps() },
      { caps: this.caps() },
      { platforms: this.platforms() },
      { description: `edit ${++this.#titles}` },
    ];
    return chance.some(others, 1 + chance.below(2))
      .reduce<Settings>((all, part) => ({ ...all, ...part }), settings);
  }

  content() {
    const { chance } = this;
    const weights = chance.oneOf([[], [], [50], [30, 30], [25, 25, 25], [100], [0, 60]]);
    return {
      title: `title ${++this.#titles}`,
      later: chance.is(0.6) ? chance.oneOf<HideLength>(["today", "3d", "7d", "forever"]) : null,
      variants: weights.map((weight, index) => ({ key: "abc"[index]!, weight })),
    };
  }

  order() {
    const { chance } = this;
    return {
      priority: chance.oneOf([50, 50, 50, 50, 60, 40]),
      conditions: chance.oneOf([0, 0, 0, 1, 2]),
    };
  }

  days() {
    const { chance, plan } = this;
    const weekdayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const weekdays = chance.is(0.35) ? chance.some(weekdayNames, 2 + chance.below(4)) : [];
    const count = chance.is(0.5) ? 0 : 1 + chance.below(2);
    const windows = Array.from({ length: count }, () => this.#window())
      .filter(({ from, to }, index, all) =>
        from !== to && all.findIndex((one) => one.from === from && one.to === to) === index
      );
    const zone = chance.is(0.55) && plan.workspaceZone === plan.zone
      ? null
      : chance.is(0.7)
      ? plan.zone
      : chance.oneOf(otherZones);
    return { weekdays, windows, zone };
  }

  audience() {
    const { chance, audiences } = this;
    const isOfList = audiences.length > 0 && chance.is(0.3);
    const audienceId = isOfList ? chance.oneOf(audiences) : null;
    const excludeId = audiences.length > 0 && chance.is(0.2) ? chance.oneOf(audiences) : null;
    return {
      audienceId,
      excludeId: excludeId === audienceId ? null : excludeId,
      controlPercent: chance.oneOf([0, 0, 0, 20, 50]),
    };
  }

  platforms(): string[] {
    const { chance } = this;
    return chance.is(0.8) ? platforms : chance.some(platforms, 1 + chance.below(2));
  }

  caps(): Cap[] {
    const { chance } = this;
    return chance.some(capKinds, chance.oneOf([0, 1, 1, 2, 2, 3]))
      .map((kind) => ({ ...kind, max: chance.oneOf([1, 1, 2, 2, 3, 4, null]) }));
  }

  /** Mostly around the time of day at which the clock is changed. */
  #window() {
    const { chance, plan } = this;
    const near = wallOf(plan.zone, plan.changeMs).minute;
    const minute = () =>
      chance.is(0.6)
        ? near + 15 * (chance.below(25) - 12)
        : chance.is(0.2)
        ? chance.below(24 * 60)
        : 30 * chance.below(48);
    return { from: timeOf(minute()), to: timeOf(minute()) };
  }
}

function timeOf(minute: number): string {
  const within = (minute + 24 * 60) % (24 * 60);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(within / 60))}:${two(within % 60)}`;
}
