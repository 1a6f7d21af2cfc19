import { assertEquals } from "@std/assert";
import { type CellShape, keyedShape } from "../../projections/kpi_cell_shape.ts";
import { CellTable } from "../../projections/kpi_cells.ts";
import { Tally } from "../../projections/kpi_tally.ts";
import { mulberry32 } from "../support/faulty_kv.ts";

interface Item {
  readonly shape: CellShape;
  readonly device: number;
  readonly user: number;
}

function items(count: number, shapes: number, devices: number, seed: number): Item[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => {
    const nth = Math.floor(random() * shapes);
    const shape: CellShape = {
      kind: nth % 3 === 0 ? "click" : "impression",
      element: nth % 3 === 0 ? ["a", "a/", "", null][nth % 4]! : null,
      platform: (["web", "ios", "android"] as const)[nth % 5 % 3]!,
      variant: [null, "", "/a"][nth % 7 % 3]!,
      revision: Math.floor(nth / 8),
    };
    const device = Math.floor(random() * devices);
    return { shape, device, user: Math.floor(random() * 3) * device };
  });
}

function table(some: readonly Item[], into = new CellTable()): CellTable {
  for (const { shape, device, user } of some) into.add(into.cell(keyedShape(shape)), device, user);
  return into;
}

function sealed(some: readonly Item[]): CellTable {
  return new CellTable(table(some).encode());
}

function merged(...tables: readonly CellTable[]): CellTable {
  const all = new CellTable();
  for (const one of tables) all.addAll(one);
  return all;
}

/** What each cell holds, as plain text. */
function naive(all: readonly Item[]): string[] {
  const cells = new Map<string, { count: number; devices: Set<number>; users: Set<number> }>();
  for (const { shape, device, user } of all) {
    const key = JSON.stringify(shape);
    const cell = cells.get(key) ?? { count: 0, devices: new Set(), users: new Set() };
    cells.set(key, cell);
    cell.count++;
    cell.devices.add(device);
    if (user !== 0) cell.users.add(user);
  }
  const sorted = (numbers: Set<number>) => [...numbers].sort((left, right) => left - right);
  return [...cells].map(([key, { count, devices, users }]) =>
    `${key} ${count} ${sorted(devices)} ${sorted(users)}`
  ).sort();
}

function visited(cells: CellTable): string[] {
  const seen: string[] = [];
  cells.visit(({ shape, count, devices, users }) => {
    const list = ({ values, length }: typeof devices) => [...values.subarray(0, length)];
    seen.push(`${JSON.stringify(shape)} ${count} ${list(devices)} ${list(users)}`);
  });
  return seen.sort();
}

const cases = {
  "one": { count: 1, shapes: 1, devices: 10 },
  "few": { count: 100, shapes: 30, devices: 1_000_000 },
  "many of few devices": { count: 9_000, shapes: 6, devices: 50 },
  "many": { count: 20_000, shapes: 20, devices: 100_000 },
  "more shapes than one list holds": { count: 12_000, shapes: 40_000, devices: 1_000 },
  "numbers too large for one list": { count: 300, shapes: 100, devices: 2 ** 31 },
};

for (const [name, { count, shapes, devices }] of Object.entries(cases)) {
  Deno.test(`cells hold what was counted, and always give the same bytes: ${name}`, () => {
    const all = items(count, shapes, devices, 7);
    const half = Math.ceil(count / 2);
    const direct = table(all);
    assertEquals(visited(direct), naive(all));
    const resumed = table(all.slice(0, half));
    resumed.seal();
    const others = [
      table([...all].reverse()),
      table(all.slice(half), resumed),
      table(all.slice(half), new CellTable(table(all.slice(0, half)).encode())),
      merged(table(all.slice(0, half)), table(all.slice(half))),
      merged(sealed(all.slice(0, half)), sealed(all.slice(half))),
      merged(sealed(all.slice(0, half)), table(all.slice(half)), sealed([])),
    ];
    for (const other of others) assertEquals(other.encode(), direct.encode());
    for (const kind of ["click", "impression"] as const) {
      const tally = new Tally();
      direct.addTo(tally);
      const own = all.filter(({ shape }) => shape.kind === kind);
      const users = new Set(own.flatMap(({ user }) => user || []));
      assertEquals(
        [tally[kind].count, tally[kind].devices.size, tally[kind].users.size],
        [own.length, new Set(own.map(({ device }) => device)).size, users.size],
      );
    }
  });
}
