/**
 * A table of cells as bytes. Few numbers of all cells of a kind are one list, in which each stands with
 * the rank of its cell: what is asked most, the numbers of all cells together, needs no more than one
 * list to be read. Many numbers are a set for each cell. What the cells hold decides, so the same cells
 * always give the same bytes.
 */
import { chunkPlatforms } from "../events/interaction_chunk.ts";
import { type CellShape, type KeyedShape, keyedShape, shapesOfTexts } from "./kpi_cell_shape.ts";
import type { CellVisitor } from "./kpi_cells.ts";
import type { Side, Tally } from "./kpi_tally.ts";
import { ByteReader, ByteWriter, type NumberScratch } from "./number_bytes.ts";
import type { NumberList } from "./number_union.ts";
import { sortDistinct } from "./sort_distinct.ts";

export interface CellToWrite {
  readonly shape: CellShape;
  readonly count: number;
}

/** Each number is n · `cellsMax` + the number of its cell; not sorted, and some are there twice. */
export interface NumbersWithCell {
  readonly devices: readonly number[];
  readonly users: readonly number[];
}

export interface NumbersOfCell {
  readonly devices: NumberList;
  readonly users: NumberList;
}

/** Each number stands above the rank of its cell; lent for the call. */
export interface NumbersByRank extends NumberList {
  readonly rankBits: number;
}

/** A number and the cell that it is in are one number. */
export const cellsMax = 4_096;
/** The bits of the cell: a remainder of so large numbers is far slower. */
export const cellMask = cellsMax - 1;

const layouts = { empty: 0, oneList: 1, sets: 2 } as const;
const kinds = ["click", "impression"] as const;
const writer = new ByteWriter();
const headWriter = new ByteWriter();
/** The rank of each cell, where one list is written. */
const ranks = new Int32Array(cellsMax);
/** Bytes are read in one turn, so one place to decode to is enough. */
const devices: NumberScratch = { values: new Uint32Array(1_024), length: 0 };
const users: NumberScratch = { values: new Uint32Array(1_024), length: 0 };

/** Whether the numbers fit 32 bits together with the rank of their cell. */
export function fitOneList(cellCount: number, { devices, users }: NumbersWithCell): boolean {
  let largest = 0;
  for (const both of devices) if (both > largest) largest = both;
  for (const both of users) if (both > largest) largest = both;
  const number = Math.floor(largest / cellsMax);
  return (number + 1) * 2 ** rankBits(cellCount) <= 2 ** 32;
}

/** Cells are sorted by kind; `rank` is a cell's place among those of its kind. */
export function encodeOneList(
  cells: readonly CellToWrite[],
  numbers: NumbersWithCell,
  order: readonly number[],
): Uint8Array {
  if (cells.length === 0) return new Uint8Array([layouts.empty]);
  writeHead(layouts.oneList, cells);
  let before = 0;
  for (const kind of kinds) {
    const { cells: count } = sumOf(kind, cells);
    if (count === 0) continue;
    ranks.fill(-1, 0, cells.length);
    for (let rank = 0; rank < count; rank++) ranks[order[before + rank]!] = rank;
    const bits = rankBits(count);
    writer.numbers(ranked(numbers.devices, bits, devices));
    writer.numbers(ranked(numbers.users, bits, users));
    before += count;
  }
  return writer.take();
}

export function encodeSets(
  cells: readonly CellToWrite[],
  numbers: readonly NumbersOfCell[],
): Uint8Array {
  writeHead(layouts.sets, cells);
  for (const { devices, users } of numbers) {
    writer.numbers(devices);
    writer.numbers(users);
  }
  return writer.take();
}

/** Adds all cells, their shapes aside. */
export function addSealed(bytes: Uint8Array, tally: Tally): void {
  const reader = new ByteReader(bytes);
  const layout = reader.byte();
  if (layout === layouts.empty) return;
  const clicks = readSum(reader);
  const impressions = readSum(reader);
  reader.bytes(reader.count());
  addKind(reader, layout, clicks, tally.click);
  addKind(reader, layout, impressions, tally.impression);
}

export function visitSealed(bytes: Uint8Array, visitor: CellVisitor): void {
  const reader = new ByteReader(bytes);
  const layout = reader.byte();
  if (layout === layouts.empty) return;
  const cellCounts = [readSum(reader).cells, readSum(reader).cells];
  const head = new Head(reader);
  if (layout === layouts.sets) {
    for (let cell = 0; cell < head.cellCount; cell++) {
      reader.numbers(devices);
      reader.numbers(users);
      visitor({ shape: head.shape(cell), count: head.count(cell), devices, users });
    }
    return;
  }
  let before = 0;
  for (const cellCount of cellCounts) {
    if (cellCount === 0) continue;
    reader.numbers(devices);
    const devicesOf = listsByRank(devices, cellCount);
    reader.numbers(users);
    const usersOf = listsByRank(users, cellCount);
    for (let rank = 0; rank < cellCount; rank++) {
      visitor({
        shape: head.shape(before + rank),
        count: head.count(before + rank),
        devices: devicesOf[rank]!,
        users: usersOf[rank]!,
      });
    }
    before += cellCount;
  }
}

/**
 * Gives the cells of each kind and then their numbers, with what `cell` has given for each rank. False
 * where the table is not one list: nothing was given.
 */
export function visitOneList(
  bytes: Uint8Array,
  cell: (shape: KeyedShape, count: number) => number,
  add: (name: "devices" | "users", numbers: NumbersByRank, cells: readonly number[]) => void,
): boolean {
  const reader = new ByteReader(bytes);
  const layout = reader.byte();
  if (layout !== layouts.oneList) return layout === layouts.empty;
  const cellCounts = [readSum(reader).cells, readSum(reader).cells];
  const head = new Head(reader);
  let before = 0;
  for (const cellCount of cellCounts) {
    if (cellCount === 0) continue;
    const cells: number[] = [];
    for (let at = before; at < before + cellCount; at++) {
      cells.push(cell(head.keyedShape(at), head.count(at)));
    }
    const bits = rankBits(cellCount);
    for (const name of ["devices", "users"] as const) {
      reader.numbers(devices);
      add(name, { values: devices.values, length: devices.length, rankBits: bits }, cells);
    }
    before += cellCount;
  }
  return true;
}

class Head {
  readonly cellCount: number;
  readonly #json: string;
  /** A plain array, because a typed one of this size costs more than all the rest. */
  readonly #cells: number[] = [];
  #texts: string[] | null = null;

  constructor(reader: ByteReader) {
    // How many bytes the head has is for those who pass it over.
    reader.count();
    this.cellCount = reader.count();
    this.#json = reader.text();
    for (let i = 0; i < this.cellCount * 5; i++) this.#cells.push(reader.count());
  }

  count(cell: number): number {
    return this.#cells[cell * 5 + 4]!;
  }

  shape(cell: number): CellShape {
    const at = cell * 5;
    return {
      kind: kinds[this.#cells[at]! % 2]!,
      element: this.#text(this.#cells[at + 1]!),
      platform: chunkPlatforms[this.#cells[at]! >> 1]!,
      variant: this.#text(this.#cells[at + 2]!),
      revision: this.#cells[at + 3]!,
    };
  }

  keyedShape(cell: number): KeyedShape {
    const at = cell * 5;
    const cells = this.#cells;
    const revision = cells[at + 3]!;
    if (revision >= 2 ** 22) return keyedShape(this.shape(cell));
    // 3, 14 and 14 bits: there are at most two texts for each of `cellsMax` cells.
    const number = ((revision * 2 ** 14 + cells[at + 1]!) * 2 ** 14 + cells[at + 2]!) * 8 +
      cells[at]!;
    return shapesOfTexts.get(this.#json, number, () => keyedShape(this.shape(cell)));
  }

  #text(number: number): string | null {
    if (number === 0) return null;
    this.#texts ??= JSON.parse(this.#json) as string[];
    return this.#texts[number - 1]!;
  }
}

interface SumOfKind {
  readonly cells: number;
  readonly count: number;
}

function readSum(reader: ByteReader): SumOfKind {
  return { cells: reader.count(), count: reader.count() };
}

function addKind(
  reader: ByteReader,
  layout: number,
  { cells, count }: SumOfKind,
  side: Side,
): void {
  if (cells === 0) return;
  side.count += count;
  const bits = layout === layouts.oneList ? rankBits(cells) : 0;
  const listCount = layout === layouts.oneList ? 1 : cells;
  for (let list = 0; list < listCount; list++) {
    reader.numbers(devices, bits);
    side.devices.addList(devices);
    reader.numbers(users, bits);
    side.users.addList(users);
  }
}

/**
 * `layout · cells and sum of counts of each kind · bytes of the head · head`. The head has for each cell
 * `platform and kind · element · variant · revision · count`.
 */
function writeHead(layout: number, cells: readonly CellToWrite[]): void {
  writer.byte(layout);
  for (const kind of kinds) {
    const sum = sumOf(kind, cells);
    writer.count(sum.cells);
    writer.count(sum.count);
  }
  const texts: string[] = [];
  for (const { shape: { element, variant } } of cells) {
    if (element !== null && !texts.includes(element)) texts.push(element);
    if (variant !== null && !texts.includes(variant)) texts.push(variant);
  }
  headWriter.count(cells.length);
  headWriter.text(texts.length === 0 ? "" : JSON.stringify(texts));
  for (const { shape, count } of cells) {
    headWriter.count(chunkPlatforms.indexOf(shape.platform) * 2 + kinds.indexOf(shape.kind));
    headWriter.count(shape.element === null ? 0 : texts.indexOf(shape.element) + 1);
    headWriter.count(shape.variant === null ? 0 : texts.indexOf(shape.variant) + 1);
    headWriter.count(shape.revision);
    headWriter.count(count);
  }
  writer.count(headWriter.length);
  writer.takeOver(headWriter);
}

function sumOf(kind: CellShape["kind"], cells: readonly CellToWrite[]): SumOfKind {
  const sum = { cells: 0, count: 0 };
  for (const { shape, count } of cells) {
    if (shape.kind !== kind) continue;
    sum.cells++;
    sum.count += count;
  }
  return sum;
}

/** How many bits the rank of one cell among so many needs. */
function rankBits(cellCount: number): number {
  return 32 - Math.clz32(cellCount - 1);
}

/** Those whose cells have a rank, each with it, sorted. */
function ranked(numbers: readonly number[], bits: number, scratch: NumberScratch): NumberList {
  if (scratch.values.length < numbers.length) scratch.values = new Uint32Array(numbers.length * 2);
  const { values } = scratch;
  const factor = 2 ** bits;
  let length = 0;
  for (const both of numbers) {
    const rank = ranks[both & cellMask]!;
    if (rank >= 0) values[length++] = Math.floor(both / cellsMax) * factor + rank;
  }
  scratch.length = sortDistinct(values, length);
  return scratch;
}

function listsByRank({ values, length }: NumberList, cellCount: number): NumberList[] {
  const bits = rankBits(cellCount);
  const mask = 2 ** bits - 1;
  const ends = new Uint32Array(cellCount);
  for (let i = 0; i < length; i++) ends[values[i]! & mask]!++;
  const lists = Array.from(ends, (count) => ({ values: new Uint32Array(count), length: 0 }));
  for (let i = 0; i < length; i++) {
    const list = lists[values[i]! & mask]!;
    list.values[list.length++] = values[i]! >>> bits;
  }
  return lists;
}
