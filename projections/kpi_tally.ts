/** The nine metrics over any cells: counts are added, distinct numbers are united. */
import { RoaringBitmap32 } from "roaring-wasm";
import type { CellShape } from "./kpi_cells.ts";
import "./kpi_number_set.ts";

/** The ratios are per cent, not rounded; null where the denominator is 0. */
export interface NineMetrics {
  readonly totalImpressions: number;
  readonly uniqueImpressions: number;
  readonly userImpressions: number;
  readonly totalClicks: number;
  readonly uniqueClicks: number;
  readonly userClicks: number;
  readonly totalCtr: number | null;
  readonly uniqueCtr: number | null;
  readonly userCtr: number | null;
}

export class Tally {
  readonly impression = new Side();
  readonly click = new Side();

  add(
    kind: CellShape["kind"],
    count: number,
    devices: RoaringBitmap32 | null,
    users: RoaringBitmap32 | null,
  ): void {
    this[kind].add(count, devices, users);
  }

  addTally(other: Tally): void {
    this.impression.addSide(other.impression);
    this.click.addSide(other.click);
  }

  get isEmpty(): boolean {
    return this.impression.count === 0 && this.click.count === 0;
  }

  dispose(): void {
    this.impression.dispose();
    this.click.dispose();
  }
}

export function nineMetrics(impression: Side, click: Side): NineMetrics {
  return {
    totalImpressions: impression.count,
    uniqueImpressions: impression.distinctDevices,
    userImpressions: impression.distinctUsers,
    totalClicks: click.count,
    uniqueClicks: click.distinctDevices,
    userClicks: click.distinctUsers,
    totalCtr: perCent(click.count, impression.count),
    uniqueCtr: perCent(click.distinctDevices, impression.distinctDevices),
    userCtr: perCent(click.distinctUsers, impression.distinctUsers),
  };
}

/** All impressions, or all clicks. */
export class Side {
  count = 0;
  #devices: RoaringBitmap32 | null = null;
  #users: RoaringBitmap32 | null = null;

  add(count: number, devices: RoaringBitmap32 | null, users: RoaringBitmap32 | null): void {
    this.count += count;
    if (devices) (this.#devices ??= new RoaringBitmap32()).orInPlace(devices);
    if (users) (this.#users ??= new RoaringBitmap32()).orInPlace(users);
  }

  addOne(device: number, user: number): void {
    this.count++;
    (this.#devices ??= new RoaringBitmap32()).add(device);
    if (user !== 0) (this.#users ??= new RoaringBitmap32()).add(user);
  }

  addSide(other: Side): void {
    this.add(other.count, other.#devices, other.#users);
  }

  get distinctDevices(): number {
    return this.#devices?.size ?? 0;
  }

  get distinctUsers(): number {
    return this.#users?.size ?? 0;
  }

  dispose(): void {
    this.#devices?.dispose();
    this.#users?.dispose();
    this.#devices = this.#users = null;
  }
}

function perCent(part: number, whole: number): number | null {
  return whole === 0 ? null : (part / whole) * 100;
}
