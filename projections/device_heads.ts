/**
 * Where the chains of each device begin: one of clicks and one of events, side by side, because who asks
 * for one needs the other. Numbers of devices are dense, so this is no table but a few large pages.
 */
export class DeviceHeads {
  readonly #pages: (Uint32Array | undefined)[] = [];

  /** 0 where there is none. */
  get(device: number, lane: Lane): number {
    const page = this.#pages[device >>> pageShift];
    return page === undefined ? 0 : page[(device & pageMask) * lanes + lane]!;
  }

  set(device: number, lane: Lane, head: number): void {
    const page = this.#pages[device >>> pageShift] ??= new Uint32Array((pageMask + 1) * lanes);
    page[(device & pageMask) * lanes + lane] = head;
  }

  clear(lane: Lane): void {
    for (const page of this.#pages) {
      if (page) { for (let at = lane; at < page.length; at += lanes) page[at] = 0; }
    }
  }
}

export type Lane = 0 | 1;

const lanes = 2;
const pageShift = 15;
const pageMask = 2 ** pageShift - 1;
