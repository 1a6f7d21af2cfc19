/**
 * The base cells of the KPIs: for each combination of kind, element, platform, variant and revision a
 * count and the sets of devices and users. A table is either live or sealed, which is nothing but its
 * bytes: only what is being counted into needs WebAssembly memory.
 */
import type { RoaringBitmap32 } from "roaring-wasm";
import type { Platform } from "../events/workspace_events.ts";
import { deserializeNumbers, NumberSet } from "./kpi_number_set.ts";

export interface CellShape {
  readonly kind: "impression" | "click";
  readonly element: string | null;
  readonly platform: Platform;
  readonly variant: string | null;
  /** 0 for not known. */
  readonly revision: number;
}

/** The bitmaps are lent for the call; null stands for an empty one. */
export type CellVisitor = (
  shape: CellShape,
  count: number,
  devices: RoaringBitmap32 | null,
  users: RoaringBitmap32 | null,
) => void;

export class Cell {
  count = 0;
  readonly devices = new NumberSet();
  readonly users = new NumberSet();

  constructor(readonly shape: CellShape) {}

  add(device: number, user: number): void {
    this.count++;
    this.devices.add(device);
    if (user !== 0) this.users.add(user);
  }
}

export class CellTable {
  #live: Map<string, Cell> | null;
  #sealed: Uint8Array | null;

  constructor(sealed?: Uint8Array) {
    this.#sealed = sealed ?? null;
    this.#live = sealed ? null : new Map();
  }

  get isSealed(): boolean {
    return this.#live === null;
  }

  get isEmpty(): boolean {
    return this.#live ? this.#live.size === 0 : headerBytes(this.#sealed!) === emptyHeaderBytes;
  }

  /** The live cell of this shape, made when there is none. */
  cell(shape: CellShape): Cell {
    const live = this.#live ?? this.#unseal();
    const key = shapeKey(shape);
    let cell = live.get(key);
    if (!cell) {
      cell = new Cell(shape);
      live.set(key, cell);
    }
    return cell;
  }

  visit(visitor: CellVisitor): void {
    if (!this.#live) return visitSealed(this.#sealed!, visitor);
    for (const { shape, count, devices, users } of this.#live.values()) {
      visitor(shape, count, devices.bitmap, users.bitmap);
    }
  }

  /** The same cells always give the same bytes, whatever order they were counted in. */
  encode(): Uint8Array {
    if (!this.#live) return this.#sealed!;
    const sets: Uint8Array[] = [];
    const cells: EncodedCell[] = [];
    for (const key of [...this.#live.keys()].sort()) {
      const { shape, count, devices, users } = this.#live.get(key)!;
      const deviceBytes = devices.serialize();
      const userBytes = users.serialize();
      sets.push(deviceBytes, userBytes);
      cells.push([
        shape.kind,
        shape.element,
        shape.platform,
        shape.variant,
        shape.revision,
        count,
        deviceBytes.length,
        userBytes.length,
      ]);
    }
    return joinBytes(encoder.encode(JSON.stringify(cells)), sets);
  }

  seal(): void {
    if (!this.#live) return;
    this.#sealed = this.encode();
    this.dispose();
    this.#live = null;
  }

  dispose(): void {
    for (const { devices, users } of this.#live?.values() ?? []) {
      devices.dispose();
      users.dispose();
    }
  }

  #unseal(): Map<string, Cell> {
    const live = new Map<string, Cell>();
    visitSealed(this.#sealed!, (shape, count, devices, users) => {
      const cell = new Cell(shape);
      cell.count = count;
      if (devices) cell.devices.addAll(devices);
      if (users) cell.users.addAll(users);
      live.set(shapeKey(shape), cell);
    });
    this.#live = live;
    this.#sealed = null;
    return live;
  }
}

/** Kind, element, platform, variant, revision, count, bytes of the devices, bytes of the users. */
type EncodedCell = [
  CellShape["kind"],
  string | null,
  Platform,
  string | null,
  number,
  number,
  number,
  number,
];

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const emptyHeaderBytes = "[]".length;

function shapeKey({ kind, element, platform, variant, revision }: CellShape): string {
  return JSON.stringify([kind, element, platform, variant, revision]);
}

/** `u32 length of the header · header · sets`. */
function joinBytes(header: Uint8Array, sets: readonly Uint8Array[]): Uint8Array {
  const length = sets.reduce((sum, set) => sum + set.length, 4 + header.length);
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  let offset = 4 + header.length;
  for (const set of sets) {
    bytes.set(set, offset);
    offset += set.length;
  }
  return bytes;
}

function headerBytes(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function readHeader(bytes: Uint8Array): { cells: EncodedCell[]; end: number } {
  const end = 4 + headerBytes(bytes);
  return { cells: JSON.parse(decoder.decode(bytes.subarray(4, end))), end };
}

function visitSealed(bytes: Uint8Array, visitor: CellVisitor): void {
  const { cells, end } = readHeader(bytes);
  let offset = end;
  for (const cell of cells) {
    const [kind, element, platform, variant, revision, count, deviceBytes, userBytes] = cell;
    const devices = deserializeNumbers(bytes.subarray(offset, offset + deviceBytes));
    offset += deviceBytes;
    const users = deserializeNumbers(bytes.subarray(offset, offset + userBytes));
    offset += userBytes;
    try {
      visitor({ kind, element, platform, variant, revision }, count, devices, users);
    } finally {
      devices?.dispose();
      users?.dispose();
    }
  }
}
