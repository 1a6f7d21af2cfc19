/** Sends reports as devices do: in batches, out of order, some of them more than once. */
import { type Client, forAll } from "./client.ts";
import type { Report } from "./crowd.ts";
import { OwnCount } from "./own_count.ts";
import type { Random } from "./random.ts";

const batchItemsMax = 500;
const atATime = 16;

export class Outbox {
  readonly own = new OwnCount();
  /** What the server says. */
  accepted = 0;
  readonly refused = new Map<string, number>();
  batches = 0;
  /** Sent well at some time: some of it goes out again with later batches. */
  readonly #sent: Report[] = [];

  constructor(readonly client: Client, readonly random: Random) {}

  /** Gives a line that says what was sent. */
  async send(fresh: readonly Report[]): Promise<string> {
    const again = this.random.some([...this.#sent, ...fresh], Math.floor(fresh.length / 5));
    const reports = this.random.shuffled([...fresh, ...again]);
    this.#sent.push(...fresh.filter(({ expected }) => expected === "counted"));
    const batches: Report[][] = [];
    while (reports.length > 0) {
      batches.push(reports.splice(0, 1 + this.random.below(batchItemsMax)));
    }
    for (const batch of batches) for (const report of batch) this.own.add(report);
    await forAll(batches, atATime, (batch) => this.#sendBatch(batch));
    this.batches += batches.length;
    return `${fresh.length.toLocaleString("en")} interactions, ` +
      `${again.length.toLocaleString("en")} sent again, in ${batches.length} batches`;
  }

  async #sendBatch(batch: readonly Report[]): Promise<void> {
    const interactions = batch.map(({ item }) => item);
    const answer = await this.client.ok("POST", "/v1/interactions", { interactions });
    this.accepted += answer.accepted;
    for (const { code } of answer.rejected) {
      this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
    }
  }
}
