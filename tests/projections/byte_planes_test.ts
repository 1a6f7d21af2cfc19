import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  checkColumns,
  decodeColumns,
  encodeColumns,
  headerOf,
  withHeader,
} from "../../projections/byte_planes.ts";

const numbers = fc.oneof(fc.nat(255), fc.nat(70_000), fc.nat(0xffff_ffff), fc.constant(0));

Deno.test("columns come back as they were, and no byte more", () => {
  fc.assert(fc.property(fc.array(fc.tuple(numbers, numbers)), fc.jsonValue(), (rows, json) => {
    const given = [0, 1].map((at) => Uint32Array.from(rows.map((row) => row[at]!)));
    const bytes = withHeader(json, encodeColumns(given, rows.length));
    const { header, columns } = headerOf(bytes);
    assertEquals(header, JSON.parse(JSON.stringify(json)));
    const read = [new Uint32Array(rows.length), new Uint32Array(rows.length)];
    decodeColumns(columns, read, rows.length);
    assertEquals(read, given);
    checkColumns(columns, 2, rows.length);
    const longer = Uint8Array.from([...columns, 0]);
    assertThrows(() => decodeColumns(longer, read, rows.length));
    assertThrows(() => checkColumns(longer, 2, rows.length));
    assertThrows(() => checkColumns(columns.subarray(0, -1), 2, rows.length));
  }));
});
