/**
 * The base cells of the KPIs: for each combination of kind, element, platform, variant and revision a
 * count and the sets of devices and users. A table is either live or sealed, which is nothing but its
 * bytes (see `kpi_cell_bytes.ts`), a small part of what the live one takes.
 */
import {
  addSealed,
  cellMask,
  cellsMax,
  encodeOneList,
  encodeSets,
  fitOneList,
  type NumbersByRank,
  type NumbersOfCell,
  type NumbersWithCell,
  visitOneList,
  visitSealed,
} from "./kpi_cell_bytes.ts";
import { type CellShape, type KeyedShape, keyedShape } from "./kpi_cell_shape.ts";
import type { Tally } from "./kpi_tally.ts";
import { type NumberList, NumberUnion } from "./number_union.ts";
import { shelved } from "./shelf.ts";

/** A cell to read. All of it is lent for the call. */
export interface CellView {
  readonly shape: CellShape;
  readonly count: number;
  readonly devices: NumberList;
  readonly users: NumberList;
}

export type CellVisitor = (cell: CellView) => void;

export class CellTable {
  #live: LiveCells | null;
  /** Of a live table: its bytes, as long as nothing is counted. */
  #bytes: Uint8Array | null;
  #isShelved = false;

  constructor(sealed: Uint8Array = emptyTable) {
    this.#bytes = sealed;
    this.#live = null;
  }

  /** One that stays in memory. */
  static loaded(sealed: Uint8Array): CellTable {
    const table = new CellTable(sealed);
    table.seal();
    return table;
  }

  get isEmpty(): boolean {
    return this.#live ? this.#live.cells.length === 0 : this.#bytes![0] === 0;
  }

  /** The number of the cell of this shape, for as long as the table is not sealed. */
  cell(shape: KeyedShape): number {
    return this.#opened().cell(shape);
  }

  add(cell: number, device: number, user: number): void {
    this.#bytes = null;
    this.#live!.add(cell, device, user);
  }

  addAll(other: CellTable): void {
    const live = this.#opened();
    this.#bytes = null;
    if (other.#live) live.addAll(other.#live);
    else live.addSealed(other.#bytes!);
  }

  /** Adds all cells, their shapes aside. */
  addTo(tally: Tally): void {
    addSealed(this.encode(), tally);
  }

  visit(visitor: CellVisitor): void {
    visitSealed(this.encode(), visitor);
  }

  /** The same cells always give the same bytes, whatever order they were counted in. */
  encode(): Uint8Array {
    return this.#bytes ??= this.#live!.encode();
  }

  seal(): void {
    const bytes = this.encode();
    // One that is opened again and again must not leave copies on the shelf.
    this.#bytes = this.#isShelved ? bytes : shelved(bytes);
    this.#isShelved = true;
    this.#live = null;
  }

  #opened(): LiveCells {
    if (!this.#live) {
      this.#live = new LiveCells();
      this.#live.addSealed(this.#bytes!);
    }
    return this.#live;
  }
}

interface LiveCell extends KeyedShape {
  count: number;
  /** Null while the table has few numbers. */
  devices: NumberUnion | null;
  users: NumberUnion | null;
}

/** A table with more has a set for each cell. */
const fewNumbersMax = 4_096;

/** Few numbers of all cells are in one plain array, because making sets is what costs most. */
class LiveCells {
  readonly cells: LiveCell[] = [];
  readonly #byKey = new Map<string, number>();
  #few: { devices: number[]; users: number[] } | null = { devices: [], users: [] };

  cell({ shape, key }: KeyedShape): number {
    let cell = this.#byKey.get(key);
    if (cell === undefined) {
      cell = this.cells.length;
      if (cell === cellsMax) this.#spread();
      const sets = this.#few ? null : new NumberUnion();
      this.cells.push({ shape, key, count: 0, devices: sets, users: sets && new NumberUnion() });
      this.#byKey.set(key, cell);
    }
    return cell;
  }

  add(cell: number, device: number, user: number): void {
    const live = this.cells[cell]!;
    live.count++;
    if (!this.#few) {
      live.devices!.add(device);
      if (user !== 0) live.users!.add(user);
      return;
    }
    const { devices, users } = this.#few;
    devices.push(device * cellsMax + cell);
    if (user !== 0) users.push(user * cellsMax + cell);
    if (devices.length > fewNumbersMax) this.#spread();
  }

  addMany(cell: number, count: number, devices: NumberList, users: NumberList): void {
    const live = this.cells[cell]!;
    live.count += count;
    const few = this.#few;
    if (few && Math.max(few.devices.length, few.users.length) + count > fewNumbersMax) {
      this.#spread();
    }
    if (this.#few) {
      const { devices: fewDevices, users: fewUsers } = this.#few;
      for (let i = 0; i < devices.length; i++) {
        fewDevices.push(devices.values[i]! * cellsMax + cell);
      }
      for (let i = 0; i < users.length; i++) fewUsers.push(users.values[i]! * cellsMax + cell);
    } else {
      live.devices!.addList(devices);
      live.users!.addList(users);
    }
  }

  addAll(other: LiveCells): void {
    const cells = other.cells.map((cell) => this.cell(cell));
    if (!other.#few) {
      other.cells.forEach((cell, index) => {
        const { devices, users } = listsOf(cell);
        this.addMany(cells[index]!, cell.count, devices, users);
      });
      return;
    }
    other.cells.forEach(({ count }, index) => this.cells[cells[index]!]!.count += count);
    this.#addNumbers("devices", other.#few.devices, cells);
    this.#addNumbers("users", other.#few.users, cells);
  }

  addSealed(bytes: Uint8Array): void {
    const isOneList = visitOneList(
      bytes,
      (shape, count) => {
        const cell = this.cell(shape);
        this.cells[cell]!.count += count;
        return cell;
      },
      (name, numbers, cells) => this.#addRanked(name, numbers, cells),
    );
    if (isOneList) return;
    visitSealed(bytes, ({ shape, count, devices, users }) => {
      this.addMany(this.cell(keyedShape(shape)), count, devices, users);
    });
  }

  #addRanked(
    name: "devices" | "users",
    { values, length, rankBits }: NumbersByRank,
    cells: readonly number[],
  ): void {
    if (this.#few && this.#few[name].length + length > fewNumbersMax) this.#spread();
    const few = this.#few?.[name];
    const mask = 2 ** rankBits - 1;
    for (let i = 0; i < length; i++) {
      const number = values[i]! >>> rankBits;
      const cell = cells[values[i]! & mask]!;
      if (few) few.push(number * cellsMax + cell);
      else this.cells[cell]![name]!.add(number);
    }
  }

  /** `cells` has for each cell of theirs the one here. */
  #addNumbers(
    name: "devices" | "users",
    numbers: readonly number[],
    cells: readonly number[],
  ): void {
    if (this.#few && this.#few[name].length + numbers.length > fewNumbersMax) this.#spread();
    const few = this.#few?.[name];
    for (const both of numbers) {
      const number = Math.floor(both / cellsMax);
      const cell = cells[both & cellMask]!;
      if (few) few.push(number * cellsMax + cell);
      else this.cells[cell]![name]!.add(number);
    }
  }

  encode(): Uint8Array {
    const order = this.cells.map((_, cell) => cell).sort((left, right) =>
      this.cells[left]!.key < this.cells[right]!.key ? -1 : 1
    );
    const cells = order.map((cell) => this.cells[cell]!);
    const few = this.#few ?? this.#gathered();
    if (few && fitOneList(cells.length, few)) return encodeOneList(cells, few, order);
    this.#spread();
    return encodeSets(cells, cells.map(listsOf));
  }

  /** All numbers, where they are few; null where they are not. */
  #gathered(): NumbersWithCell | null {
    if (this.cells.length > cellsMax) return null;
    const lists = this.cells.map(listsOf);
    for (const name of ["devices", "users"] as const) {
      const total = lists.reduce((sum, numbers) => sum + numbers[name].length, 0);
      if (total > fewNumbersMax) return null;
    }
    const few = { devices: [] as number[], users: [] as number[] };
    lists.forEach((numbers, cell) => {
      for (const name of ["devices", "users"] as const) {
        const { values, length } = numbers[name];
        for (let i = 0; i < length; i++) few[name].push(values[i]! * cellsMax + cell);
      }
    });
    return few;
  }

  #spread(): void {
    if (!this.#few) return;
    const { devices, users } = this.#few;
    this.#few = null;
    for (const cell of this.cells) {
      cell.devices = new NumberUnion();
      cell.users = new NumberUnion();
    }
    for (const both of devices) {
      this.cells[both & cellMask]!.devices!.add(Math.floor(both / cellsMax));
    }
    for (const both of users) this.cells[both & cellMask]!.users!.add(Math.floor(both / cellsMax));
  }
}

function listsOf({ devices, users }: LiveCell): NumbersOfCell {
  return { devices: devices!.list(), users: users!.list() };
}

/** Shared, because bytes are never written to. */
const emptyTable = new LiveCells().encode();
