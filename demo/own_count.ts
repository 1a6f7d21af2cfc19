/**
 * The demo's own count of what it sent: plain Sets and Maps, no code of the server. Also compares it
 * with what the server answers, figure by figure.
 */
import { purchaseWindowMs } from "./campaigns.ts";
import type { Interaction, Report } from "./crowd.ts";

export type Figures = Record<string, number | null>;

const breakdowns = ["element", "platform", "revision"] as const;
export const questions = ["", ...breakdowns.map((by) => `?by=${by}`)];

export class OwnCount {
  readonly refused = new Map<string, number>();
  sent = 0;
  accepted = 0;
  readonly #ids = new Set<string>();
  readonly #counted: Interaction[] = [];
  readonly #late: Interaction[] = [];

  add({ item, expected }: Report): void {
    this.sent++;
    if (expected !== "counted" && expected !== "late") {
      this.refused.set(expected, (this.refused.get(expected) ?? 0) + 1);
      return;
    }
    this.accepted++;
    if (this.#ids.has(item.id)) return;
    this.#ids.add(item.id);
    (expected === "late" ? this.#late : this.#counted).push(item);
  }

  get distinct(): number {
    return this.#ids.size;
  }

  /** What the server owes as the answer to a question about some campaigns. */
  owed(campaigns: readonly string[], question: string): Record<string, Figures> {
    const asked = (item: Interaction) => campaigns.includes(item.campaignId!);
    const items = this.#counted.filter(asked);
    const late = this.#late.filter(asked).length;
    const owed = {
      "": { ...nine(items), late, ...this.#purchases(campaigns, items) } as Figures,
    };
    const by = breakdowns.find((one) => question === `?by=${one}`);
    return by === undefined ? owed : { ...owed, ...brokenDown(items, by) };
  }

  /** Of devices that had clicked, once for each campaign that they had clicked. */
  #purchases(campaigns: readonly string[], items: readonly Interaction[]): Figures {
    const clicks = Map.groupBy(
      items.filter(({ kind }) => kind === "click"),
      ({ deviceId }) => deviceId,
    );
    const purchases = this.#counted.filter(({ kind }) => kind === "event").flatMap((item) => {
      const afterMs = ({ occurredAt }: Interaction) =>
        Date.parse(item.occurredAt) - Date.parse(occurredAt);
      const before = (clicks.get(item.deviceId) ?? [])
        .filter((click) => afterMs(click) >= 0 && afterMs(click) < purchaseWindowMs);
      return campaigns.filter((id) => before.some(({ campaignId }) => campaignId === id))
        .map(() => item.deviceId);
    });
    return { purchases: purchases.length, purchasers: new Set(purchases).size };
  }
}

function brokenDown(items: readonly Interaction[], by: (typeof breakdowns)[number]) {
  const impressions = items.filter(({ kind }) => kind === "impression");
  const clicks = items.filter(({ kind }) => kind === "click");
  const valueOf = (item: Interaction) => String(by === "element" ? item.elementId : item[by]);
  // An element is seen whenever its message is; the elements listed are those clicked.
  const keys = new Set((by === "element" ? clicks : items).map(valueOf));
  return Object.fromEntries(
    [...keys].map((key) => {
      const own = items.filter((item) => valueOf(item) === key);
      return [
        `${by} ${key}`,
        nine(by === "element" ? [...impressions, ...own] : own),
      ];
    }),
  );
}

function nine(items: readonly Interaction[]): Figures {
  const [impressions, clicks] = (["impression", "click"] as const).map((kind) => {
    const own = items.filter((item) => item.kind === kind);
    const users = own.flatMap(({ userId }) => userId ?? []);
    return {
      total: own.length,
      unique: new Set(own.map(({ deviceId }) => deviceId)).size,
      user: new Set(users).size,
    };
  }) as [Counts, Counts];
  const perCent = (part: number, whole: number) => whole === 0 ? null : part / whole * 100;
  return {
    totalImpressions: impressions.total,
    uniqueImpressions: impressions.unique,
    userImpressions: impressions.user,
    totalClicks: clicks.total,
    uniqueClicks: clicks.unique,
    userClicks: clicks.user,
    totalCtr: perCent(clicks.total, impressions.total),
    uniqueCtr: perCent(clicks.unique, impressions.unique),
    userCtr: perCent(clicks.user, impressions.user),
  };
}

interface Counts {
  readonly total: number;
  readonly unique: number;
  readonly user: number;
}

/** The server's answer in the shape of `owed`. */
// deno-lint-ignore no-explicit-any -- JSON
export function answered(body: any, question: string): Record<string, Figures> {
  const by = question.slice("?by=".length);
  const [purchases] = body.kpiEvents;
  return {
    "": {
      ...body,
      purchases: purchases.totalClickBasis,
      purchasers: purchases.uniqueClickBasis,
    },
    ...Object.fromEntries(
      // deno-lint-ignore no-explicit-any -- JSON
      (body.breakdown ?? []).map((entry: any) => [`${by} ${entry.key}`, entry]),
    ),
  };
}

export class Comparison {
  figures = 0;
  readonly differences: string[] = [];

  /** Of every figure owed, and that nothing is answered beyond. */
  compare(
    where: string,
    owed: Record<string, Figures>,
    theirs: Record<string, Figures>,
  ): void {
    for (const key of new Set([...Object.keys(owed), ...Object.keys(theirs)])) {
      for (const name of Object.keys(owed[key] ?? theirs[key]!)) {
        this.same(`${where} ${key} ${name}`, owed[key]?.[name], theirs[key]?.[name]);
      }
    }
  }

  same(what: string, own: number | null | undefined, theirs: number | null | undefined): void {
    this.figures++;
    const near = typeof own === "number" && typeof theirs === "number" &&
      Math.abs(own - theirs) < 1e-9;
    if (own === theirs || near) return;
    this.differences.push(`${what}: the demo counted ${own}, the server answered ${theirs}`);
  }
}
