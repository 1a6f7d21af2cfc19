/**
 * Some thousand records of what subjects were shown, promised and asked not to be shown, in the order
 * of the log. Records have numbers over all blocks. What links them to chains is not in the bytes: it
 * follows from their order.
 */

/** The index is the code in the bytes. */
export const recordKinds = ["impression", "claim", "hide"] as const;
export type RecordKind = (typeof recordKinds)[number];

/** The numbers of a block's records begin at a multiple of this; a very full block takes several. */
export const recordsPerStride = 16_384;
export const strideShift = 14;
export const minuteMs = 60_000;
/** A block can hold what is recorded less than this after its first record. */
export const blockSpanMs = 2 ** 32;
const claimDigestBytes = 16;

export class ExposureBlock {
  count = 0;
  device = new Uint32Array(64);
  user = new Uint32Array(64);
  /** Index in `groups`. */
  group = new Uint16Array(64);
  /**
   * Whole minutes from when it happened to when it was recorded, kept within 22 days. Of a claim, which
   * happens when it is recorded: which one of the block's claims it is.
   */
  lag = new Int16Array(64);
  /** When it was recorded: milliseconds after `startMs`. */
  after = new Uint32Array(64);
  /** The key of the session; of a hide the milliseconds within its minute × 4 + its choice. */
  session = new Uint32Array(64);
  /** The record before of the same chain; 0 for none. */
  beforeOfDevice = new Uint32Array(64);
  beforeOfUser = new Uint32Array(64);
  /** The kind and the campaign of records: `KIND CAMPAIGN`. */
  groups: string[] = [];
  claimCount = 0;
  claimDigests = new Uint8Array(0);
  /** The impression that made a claim good; 0 for none. */
  claimUsedBy = new Uint32Array(0);
  /** Pairs: which record made which claim good. */
  uses: number[] = [];
  /** The position of the last event that brought a record. */
  last: string;
  #groupNumbers: Map<string, number> | null = null;

  /** `first` is the position of the event that began it, `startMs` the recorded time of that. */
  constructor(readonly number: number, readonly first: string, readonly startMs: number) {
    this.last = first;
  }

  /** The number of the first record. */
  get firstId(): number {
    return this.number * recordsPerStride;
  }

  /** The number of the block after it. */
  get nextNumber(): number {
    return this.number + Math.max(1, Math.ceil(this.count / recordsPerStride));
  }

  get lastRecordedMs(): number {
    return this.count === 0 ? this.startMs : this.recordedMs(this.count - 1);
  }

  recordedMs(index: number): number {
    return this.startMs + this.after[index]!;
  }

  /** The minute in which it happened, counted from the epoch. */
  minute(index: number): number {
    return Math.floor(this.recordedMs(index) / minuteMs) - this.lag[index]!;
  }

  claimNumber(index: number): number {
    return this.lag[index]! & 0xffff;
  }

  groupNumber(kind: RecordKind, campaignId: string): number {
    const group = `${recordKinds.indexOf(kind)} ${campaignId}`;
    this.#groupNumbers ??= new Map(this.groups.map((known, index) => [known, index]));
    let number = this.#groupNumbers.get(group);
    if (number === undefined) {
      number = this.groups.push(group) - 1;
      if (number > 0xffff) throw new RangeError("a block of exposures has too many campaigns");
      this.#groupNumbers.set(group, number);
    }
    return number;
  }

  groupAt(number: number): { kind: RecordKind; campaignId: string } {
    const group = this.groups[number]!;
    return { kind: recordKinds[Number(group[0])]!, campaignId: group.slice(2) };
  }

  add(
    device: number,
    user: number,
    group: number,
    lag: number,
    recordedMs: number,
    session: number,
  ): number {
    const index = this.count;
    if (index === this.device.length) this.#resize(index * 2);
    this.device[index] = device;
    this.user[index] = user;
    this.group[index] = group;
    this.lag[index] = lag < -0x8000 ? -0x8000 : lag > 0x7fff ? 0x7fff : lag;
    this.after[index] = recordedMs - this.startMs;
    this.session[index] = session;
    this.count = index + 1;
    return index;
  }

  addClaim(
    device: number,
    user: number,
    group: number,
    recordedMs: number,
    session: number,
    digest: string,
  ): number {
    const index = this.add(device, user, group, 0, recordedMs, session);
    const claim = this.claimCount++;
    this.lag[index] = claim;
    if (claim === this.claimUsedBy.length) this.#resizeClaims(Math.max(16, claim * 2));
    for (let at = 0; at < claimDigestBytes; at++) {
      this.claimDigests[claim * claimDigestBytes + at] = parseInt(
        digest.slice(2 * at, 2 * at + 2),
        16,
      );
    }
    return index;
  }

  claimDigest(claim: number): string {
    const at = claim * claimDigestBytes;
    return Array.from(
      this.claimDigests.subarray(at, at + claimDigestBytes),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
  }

  /** Forgets what follows from the order of the records. */
  unlink(): void {
    this.claimUsedBy.fill(0);
    this.beforeOfDevice.fill(0);
    this.beforeOfUser.fill(0);
  }

  /** Gives back what was kept for growing. */
  trim(): void {
    this.#resize(this.count);
    this.#resizeClaims(this.claimCount);
    this.#groupNumbers = null;
  }

  /**
   * `u32 length of JSON · JSON · columns (u8 width · width planes of a byte of every record, least
   * first) · 16 bytes for each claim · two u32 for each use`.
   */
  encode(): Uint8Array {
    const { first, last, startMs, count, groups, claimCount, uses } = this;
    const head = encoder.encode(
      JSON.stringify([first, last, startMs, count, groups, claimCount, uses.length]),
    );
    const columns = this.#columns().map((values) => ({ values, width: widthOf(values, count) }));
    const planes = columns.reduce((sum, { width }) => sum + 1 + width * count, 0);
    const digests = claimCount * claimDigestBytes;
    const bytes = new Uint8Array(4 + head.length + planes + digests + uses.length * 4);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, head.length, true);
    bytes.set(head, 4);
    let offset = 4 + head.length;
    for (const { values, width } of columns) {
      bytes[offset++] = width;
      for (let shift = 0; shift < width * 8; shift += 8) {
        for (let i = 0; i < count; i++) bytes[offset + i] = values[i]! >>> shift;
        offset += count;
      }
    }
    bytes.set(this.claimDigests.subarray(0, digests), offset);
    offset += digests;
    for (const value of uses) {
      view.setUint32(offset, value, true);
      offset += 4;
    }
    return bytes;
  }

  static decode(number: number, bytes: Uint8Array): ExposureBlock {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 4 + view.getUint32(0, true);
    const [first, last, startMs, count, groups, claimCount, useCount] = JSON.parse(
      new TextDecoder().decode(bytes.subarray(4, offset)),
    ) as [string, string, number, number, string[], number, number];
    const block = new ExposureBlock(number, first, startMs);
    block.#resize(count);
    block.count = count;
    block.groups = groups;
    block.last = last;
    for (const values of block.#columns()) {
      const width = bytes[offset++]!;
      for (let shift = 0; shift < width * 8; shift += 8) {
        for (let i = 0; i < count; i++) values[i] = values[i]! | (bytes[offset + i]! << shift);
        offset += count;
      }
    }
    block.claimCount = claimCount;
    block.#resizeClaims(claimCount);
    const digests = claimCount * claimDigestBytes;
    block.claimDigests.set(bytes.subarray(offset, offset + digests));
    offset += digests;
    for (let use = 0; use < useCount; use++, offset += 4) {
      block.uses.push(view.getUint32(offset, true));
    }
    if (offset !== bytes.length) throw new Error("a block of exposures has another length");
    return block;
  }

  #columns() {
    const { device, user, group, lag, after, session } = this;
    // The same memory: a lag before 0 is written as it stands there.
    const lagBits = new Uint16Array(lag.buffer);
    return [device, user, group, lagBits, after, session];
  }

  #resize(capacity: number): void {
    this.device = resized(this.device, new Uint32Array(capacity));
    this.user = resized(this.user, new Uint32Array(capacity));
    this.group = resized(this.group, new Uint16Array(capacity));
    this.lag = resized(this.lag, new Int16Array(capacity));
    this.after = resized(this.after, new Uint32Array(capacity));
    this.session = resized(this.session, new Uint32Array(capacity));
    this.beforeOfDevice = resized(this.beforeOfDevice, new Uint32Array(capacity));
    this.beforeOfUser = resized(this.beforeOfUser, new Uint32Array(capacity));
  }

  #resizeClaims(capacity: number): void {
    const digests = new Uint8Array(capacity * claimDigestBytes);
    this.claimDigests = resized(this.claimDigests, digests);
    this.claimUsedBy = resized(this.claimUsedBy, new Uint32Array(capacity));
  }
}

const encoder = new TextEncoder();

type Column = Uint8Array | Uint16Array | Int16Array | Uint32Array;

function resized<T extends Column>(from: T, to: T): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}

function widthOf(values: Uint16Array | Uint32Array, count: number): number {
  let bits = 0;
  for (let i = 0; i < count; i++) bits |= values[i]!;
  return Math.ceil((32 - Math.clz32(bits)) / 8);
}
