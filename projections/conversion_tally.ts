/**
 * How many conversions there are, and of how many devices. Numbers of devices are dense, so the set of
 * them is pages of bits: adding one costs next to nothing, and a query adds all there are.
 */

export class ConversionTally {
  count = 0;
  distinctDevices = 0;
  readonly #pages: (Uint32Array | undefined)[] = [];

  add(device: number, times: number): void {
    this.count += times;
    const page = this.#pages[device >>> pageShift] ??= new Uint32Array(wordsPerPage);
    const word = (device >>> 5) & (wordsPerPage - 1);
    const bit = 1 << (device & 31);
    if ((page[word]! & bit) !== 0) return;
    page[word] = page[word]! | bit;
    this.distinctDevices++;
  }
}

const pageShift = 13;
const wordsPerPage = 2 ** pageShift / 32;
