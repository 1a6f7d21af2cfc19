/**
 * Counts conversions a second time, from lists and by the words of docs/reporting.md: every event is
 * held against every click of its device. It shares no code with the server on purpose.
 */

export interface OracleItem {
  readonly id: number;
  readonly kind: "impression" | "click" | "event" | "hide";
  readonly campaignId: string | null;
  readonly name: string | null;
  readonly device: number;
  readonly occurredAtMs: number;
}

export interface OracleCount {
  readonly name: string;
  readonly totalClickBasis: number;
  readonly uniqueClickBasis: number;
}

interface Listing {
  readonly fromMs: number;
  readonly windowsMs: Readonly<Record<string, number>>;
}

export class ConversionOracle {
  readonly #ids = new Set<number>();
  readonly #listings = new Map<string, Listing[]>();
  /** Times by device and campaign. */
  readonly #clicks = new Map<number, Map<string, number[]>>();
  readonly #events: OracleItem[] = [];
  /** What each event counts for; anew after every change. */
  #conversions: { campaignId: string; event: OracleItem }[] | null = null;

  /** The campaign was made or edited: from then on these names count. */
  lists(campaignId: string, recordedMs: number, windowsMs: Readonly<Record<string, number>>): void {
    this.#conversions = null;
    const listings = this.#listings.get(campaignId) ?? [];
    this.#listings.set(campaignId, [...listings, { fromMs: recordedMs, windowsMs }]);
  }

  receive(item: OracleItem): void {
    if (this.#ids.has(item.id)) return;
    this.#ids.add(item.id);
    this.#conversions = null;
    if (item.kind === "event") this.#events.push(item);
    if (item.kind !== "click") return;
    const ofDevice = this.#clicks.get(item.device) ?? new Map<string, number[]>();
    this.#clicks.set(item.device, ofDevice);
    ofDevice.set(item.campaignId!, [
      ...(ofDevice.get(item.campaignId!) ?? []),
      item.occurredAtMs,
    ]);
  }

  answer(campaigns: readonly string[], fromMs = -Infinity, toMs = Infinity): OracleCount[] {
    this.#conversions ??= this.#events.flatMap((event) =>
      [...this.#listings.keys()].filter((campaignId) => this.#counts(event, campaignId))
        .map((campaignId) => ({ campaignId, event }))
    );
    const listings = campaigns.flatMap((id) => this.#listings.get(id) ?? []);
    const names = new Set(listings.flatMap(({ windowsMs }) => Object.keys(windowsMs)));
    return [...names].sort().map((name) => {
      const counted = this.#conversions!.filter(({ campaignId, event }) =>
        campaigns.includes(campaignId) && event.name === name &&
        event.occurredAtMs >= fromMs && event.occurredAtMs < toMs
      );
      return {
        name,
        totalClickBasis: counted.length,
        uniqueClickBasis: new Set(counted.map(({ event }) => event.device)).size,
      };
    });
  }

  #counts({ name, device, occurredAtMs }: OracleItem, campaignId: string): boolean {
    const inForce = this.#listings.get(campaignId)!
      .filter(({ fromMs }) => fromMs <= occurredAtMs).at(-1);
    const windowMs = inForce?.windowsMs[name!];
    const clicks = this.#clicks.get(device)?.get(campaignId) ?? [];
    return windowMs !== undefined &&
      clicks.some((clickMs) => clickMs <= occurredAtMs && occurredAtMs < clickMs + windowMs);
  }
}
