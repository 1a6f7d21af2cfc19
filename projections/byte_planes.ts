/**
 * Columns of numbers as bytes: `u8 width (0–4) · width planes of a byte of every number, least first`.
 * A column takes no more bytes than its largest number needs.
 */

export type NumberColumn = Uint8Array | Uint16Array | Uint32Array;

/** Only the first `count` numbers of each column. */
export function encodeColumns(columns: readonly NumberColumn[], count: number): Uint8Array {
  const widths = columns.map((values) => widthOf(values, count));
  const bytes = new Uint8Array(widths.reduce((sum, width) => sum + 1 + width * count, 0));
  let offset = 0;
  columns.forEach((values, column) => {
    const width = widths[column]!;
    bytes[offset++] = width;
    for (let shift = 0; shift < width * 8; shift += 8) {
      for (let i = 0; i < count; i++) bytes[offset + i] = values[i]! >>> shift;
      offset += count;
    }
  });
  return bytes;
}

/** Fills columns that are all 0; they must end where the bytes do. */
export function decodeColumns(
  bytes: Uint8Array,
  columns: readonly NumberColumn[],
  count: number,
): void {
  let offset = 0;
  for (const values of columns) {
    const width = bytes[offset++]!;
    for (let shift = 0; shift < width * 8; shift += 8) {
      const end = offset + count;
      if (shift === 0) values.set(bytes.subarray(offset, end));
      else for (let i = 0; i < count; i++) values[i] = values[i]! | (bytes[offset + i]! << shift);
      offset = end;
    }
  }
  if (offset !== bytes.length) throw new Error("columns have another length");
}

/** Throws where so many columns would not end where the bytes do. */
export function checkColumns(bytes: Uint8Array, columns: number, count: number): void {
  let offset = 0;
  for (let column = 0; column < columns; column++) offset += 1 + bytes[offset]! * count;
  if (offset !== bytes.length) throw new Error("columns have another length");
}

/** `u32 length of JSON · JSON · columns`. */
export function withHeader(header: unknown, columns: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(4 + json.length + columns.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(columns, 4 + json.length);
  return bytes;
}

export function headerOf(bytes: Uint8Array): { header: unknown; columns: Uint8Array } {
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
  return { header, columns: bytes.subarray(end) };
}

function widthOf(values: NumberColumn, count: number): number {
  let bits = 0;
  for (let i = 0; i < count; i++) bits |= values[i]!;
  return Math.ceil((32 - Math.clz32(bits)) / 8);
}
