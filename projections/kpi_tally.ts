/** The nine metrics over any cells: counts are added, distinct numbers are united. */
import { ByteReader, ByteWriter, type NumberScratch } from "./number_bytes.ts";
import { type NumberList, type NumberPages, NumberUnion } from "./number_union.ts";

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

/** A tally is mostly gone when its question is answered. */
const pageNumbersMin = 64;

/** All impressions, or all clicks. */
export class Side {
  count = 0;
  readonly devices = new NumberUnion(pageNumbersMin);
  readonly users = new NumberUnion(pageNumbersMin);

  add(count: number, devices: NumberList, users: NumberList): void {
    this.count += count;
    this.devices.addList(devices);
    this.users.addList(users);
  }

  addOne(device: number, user: number): void {
    this.count++;
    this.devices.add(device);
    if (user !== 0) this.users.add(user);
  }

  addSide(other: Side): void {
    this.count += other.count;
    this.devices.addUnion(other.devices);
    this.users.addUnion(other.users);
  }

  addFrozen({ count, devices, users }: FrozenSide): void {
    this.count += count;
    this.devices.addPages(devices);
    this.users.addPages(users);
  }

  freeze(): FrozenSide {
    return { count: this.count, devices: this.devices.freeze(), users: this.users.freeze() };
  }
}

export class Tally {
  readonly impression = new Side();
  readonly click = new Side();

  addTally(other: Tally): void {
    this.impression.addSide(other.impression);
    this.click.addSide(other.click);
  }

  addFrozen({ impression, click }: FrozenTally): void {
    this.impression.addFrozen(impression);
    this.click.addFrozen(click);
  }

  /** To be called when it has been read: memory that is used again costs least. */
  clear(): void {
    for (const side of [this.impression, this.click]) {
      side.count = 0;
      side.devices.clear();
      side.users.clear();
    }
  }

  freeze(): FrozenTally {
    return new FrozenTally(this.impression.freeze(), this.click.freeze());
  }

  /** For each side `count · devices · users`. */
  encode(): Uint8Array {
    const writer = new ByteWriter();
    for (const { count, devices, users } of [this.impression, this.click]) {
      writer.count(count);
      writer.numbers(devices.list());
      writer.numbers(users.list());
    }
    return writer.take();
  }

  static decode(bytes: Uint8Array): Tally {
    const tally = new Tally();
    const reader = new ByteReader(bytes);
    const scratch: NumberScratch = { values: new Uint32Array(1_024), length: 0 };
    for (const side of [tally.impression, tally.click]) {
      side.count = reader.count();
      for (const numbers of [side.devices, side.users]) {
        reader.numbers(scratch);
        numbers.addList(scratch);
      }
    }
    return tally;
  }
}

interface FrozenSide {
  readonly count: number;
  readonly devices: NumberPages;
  readonly users: NumberPages;
}

/** A tally that does not change any more, small enough to be kept. */
export class FrozenTally {
  readonly bytes: number;

  constructor(readonly impression: FrozenSide, readonly click: FrozenSide) {
    this.bytes = [impression, click].reduce(
      (sum, { devices, users }) => sum + devices.bytes + users.bytes,
      200,
    );
  }
}

export function nineMetrics(impression: Side, click: Side): NineMetrics {
  const uniqueImpressions = impression.devices.size;
  const userImpressions = impression.users.size;
  const uniqueClicks = click.devices.size;
  const userClicks = click.users.size;
  return {
    totalImpressions: impression.count,
    uniqueImpressions,
    userImpressions,
    totalClicks: click.count,
    uniqueClicks,
    userClicks,
    totalCtr: perCent(click.count, impression.count),
    uniqueCtr: perCent(uniqueClicks, uniqueImpressions),
    userCtr: perCent(userClicks, userImpressions),
  };
}

function perCent(part: number, whole: number): number | null {
  return whole === 0 ? null : (part / whole) * 100;
}
