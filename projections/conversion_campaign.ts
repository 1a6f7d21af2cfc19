/** The conversions of one campaign: what it counts and when, and its days. */
import { ClosedDay, ClosedPart, OpenDay, quartersPerDay } from "./conversion_day.ts";
import { ConversionSettings } from "./conversion_settings.ts";
import type { ConversionTally } from "./conversion_tally.ts";

export const quarterMs = 15 * 60 * 1000;

export class ConversionCampaign {
  readonly settings = new ConversionSettings();
  readonly #open = new Map<number, OpenDay>();
  readonly #closed = new Map<number, ClosedDay>();
  /** There is nothing on other days. */
  #firstDay = Infinity;
  #lastDay = -Infinity;

  constructor(readonly id: string) {}

  add(name: string, quarter: number, device: number): void {
    const day = Math.floor(quarter / quartersPerDay);
    let open = this.#open.get(day);
    if (!open) {
      this.#open.set(day, open = new OpenDay());
      this.#noteDay(day);
    }
    open.add(name, quarter - day * quartersPerDay, device);
  }

  /** Closes the days before; gives each of them and how many parts it has. */
  *closeBefore(day: number): Iterable<{ day: number; parts: number }> {
    for (const [closing, open] of this.#open) {
      if (closing >= day) continue;
      const closed = open.close();
      this.#open.delete(closing);
      this.#closed.set(closing, closed);
      yield { day: closing, parts: closed.parts.length };
    }
  }

  encodePart(day: number, part: number): Uint8Array {
    return this.#closed.get(day)!.parts[part]!.encode();
  }

  loadPart(day: number, part: number, bytes: Uint8Array): void {
    let closed = this.#closed.get(day);
    if (!closed) {
      this.#closed.set(day, closed = new ClosedDay());
      this.#noteDay(day);
    }
    closed.parts[part] = ClosedPart.decode(bytes);
  }

  /** Of loaded days, those that are not closed yet will be closed again. */
  openFrom(day: number): void {
    for (const closed of this.#closed.keys()) if (closed >= day) this.#closed.delete(closed);
  }

  *parts(): Iterable<{ day: number; part: number }> {
    for (const [day, { parts }] of this.#closed) {
      for (const part of parts.keys()) yield { day, part };
    }
  }

  /** Quarters since the epoch, `to` outside. */
  tally(name: string, from: number, to: number, into: ConversionTally): void {
    const { first, last } = this.#daysWithin(from, to);
    for (let day = first; day <= last; day++) {
      const start = day * quartersPerDay;
      const within = [Math.max(0, from - start), Math.min(quartersPerDay, to - start)] as const;
      this.#open.get(day)?.tally(name, ...within, into);
      this.#closed.get(day)?.tally(name, ...within, into);
    }
  }

  /** The first and the last quarter with a conversion, within a period; null: there is none. */
  quartersWithin(from: number, to: number): { first: number; last: number } | null {
    const { first: firstDay, last: lastDay } = this.#daysWithin(from, to);
    let first = Infinity;
    for (let day = firstDay; day <= lastDay && first === Infinity; day++) {
      for (const quarter of this.#quartersOf(day, from, to)) first = Math.min(first, quarter);
    }
    if (first === Infinity) return null;
    let last = -Infinity;
    for (let day = lastDay; last === -Infinity; day--) {
      for (const quarter of this.#quartersOf(day, from, to)) last = Math.max(last, quarter);
    }
    return { first, last };
  }

  *#quartersOf(day: number, from: number, to: number): Iterable<number> {
    for (const counts of [this.#open.get(day), this.#closed.get(day)]) {
      for (const quarterOfDay of counts?.quarters() ?? []) {
        const quarter = day * quartersPerDay + quarterOfDay;
        if (quarter >= from && quarter < to) yield quarter;
      }
    }
  }

  #daysWithin(from: number, to: number): { first: number; last: number } {
    return {
      first: Math.max(this.#firstDay, Math.floor(from / quartersPerDay)),
      last: Math.min(this.#lastDay, Math.ceil(to / quartersPerDay) - 1),
    };
  }

  #noteDay(day: number): void {
    if (day < this.#firstDay) this.#firstDay = day;
    if (day > this.#lastDay) this.#lastDay = day;
  }
}
