/** What Placard has counted, to stop the clock only when everything acknowledged is in it. */
import { operatorKey } from "./process.ts";

const waitMsMax = 120_000;

/** Impressions and clicks of all campaigns. */
export async function counted(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/kpi`, {
    headers: { authorization: `Bearer ${operatorKey}` },
  });
  if (!response.ok) throw new Error(`/v1/kpi: ${response.status} ${await response.text()}`);
  const { totalImpressions, totalClicks } = await response.json();
  return totalImpressions + totalClicks;
}

/** Waits until at least so many are counted; gives what is. */
export async function untilCounted(port: number, least: number): Promise<number> {
  const startedAtMs = performance.now();
  for (;;) {
    const count = await counted(port);
    if (count >= least) return count;
    if (performance.now() - startedAtMs > waitMsMax) {
      throw new Error(`${count} of ${least} acknowledged interactions are counted`);
    }
    await new Promise((done) => setTimeout(done, 10));
  }
}
