/**
 * Which events a campaign counts as conversions, and when: an edit applies to what happens from its
 * recorded time on. Each edit is a row of its own, so nothing is ever rewritten.
 */
import type { CampaignEvent } from "../events/campaign_events.ts";
import type { CampaignSettings } from "../events/campaign_settings.ts";
import { durationMs } from "../events/duration.ts";
import { kpiWindowDefault } from "../events/settings_defaults.ts";

type KpiEvents = NonNullable<CampaignSettings["kpiEvents"]>;

/** From `fromMs` until the next entry. */
interface Entry {
  readonly position: string;
  readonly fromMs: number;
  /** Milliseconds by the name of the event. */
  readonly windows: ReadonlyMap<string, number>;
}

/** The list that an event of a campaign brings; null where it leaves the list as it is. */
export function kpiEventsOf(event: CampaignEvent): KpiEvents | null {
  if (event.type !== "campaign_created" && event.type !== "campaign_edited") return null;
  const given = event.type === "campaign_created" ? event.data.settings : event.data.set;
  if (!given || !Object.hasOwn(given, "kpiEvents")) return null;
  return (given.kpiEvents ?? []) as KpiEvents;
}

export class ConversionSettings {
  /** In the order of the log. */
  readonly #entries: Entry[] = [];
  /** All that it ever listed, with the position of the edit that was the first to. */
  readonly names = new Map<string, string>();

  get count(): number {
    return this.#entries.length;
  }

  /** Gives the number of the entry; null where it is there already. */
  add(position: string, fromMs: number, kpiEvents: KpiEvents): number | null {
    const windows = kpiEvents.map(({ name, window }) =>
      [name, durationMs(window ?? kpiWindowDefault) ?? 0] as const
    );
    return this.#insert({ position, fromMs, windows: new Map(windows) });
  }

  /** How long after a click the event counts; 0: it does not. */
  windowMs(name: string, atMs: number): number {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const { fromMs, windows } = this.#entries[i]!;
      if (fromMs <= atMs) return windows.get(name) ?? 0;
    }
    return 0;
  }

  /** What was in force, and when; `toMs` is outside. */
  *listings(): Iterable<{ fromMs: number; toMs: number; windows: ReadonlyMap<string, number> }> {
    for (const [index, { fromMs, windows }] of this.#entries.entries()) {
      yield { fromMs, toMs: this.#entries[index + 1]?.fromMs ?? Infinity, windows };
    }
  }

  encode(number: number): Uint8Array {
    const { position, fromMs, windows } = this.#entries[number]!;
    return new TextEncoder().encode(JSON.stringify([position, fromMs, [...windows]]));
  }

  load(bytes: Uint8Array): void {
    const [position, fromMs, windows] = JSON.parse(new TextDecoder().decode(bytes)) as [
      string,
      number,
      [string, number][],
    ];
    this.#insert({ position, fromMs, windows: new Map(windows) });
  }

  /** After a crash an earlier entry can come after a later one. */
  #insert(entry: Entry): number | null {
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.position > entry.position) at--;
    if (this.#entries[at - 1]?.position === entry.position) return null;
    this.#entries.splice(at, 0, entry);
    for (const name of entry.windows.keys()) {
      const known = this.names.get(name);
      if (known === undefined || entry.position < known) this.names.set(name, entry.position);
    }
    return at;
  }
}
