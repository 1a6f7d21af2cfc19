/** Interactions in batches of 50: durable when answered; counted before the clock stops. */
import type { Suite } from "../bench.ts";
import { load } from "../load.ts";
import { operatorKey, request, sdkKey, startPlacard, startServer } from "../process.ts";
import { createCampaigns } from "./campaigns.ts";

const connections = 64;
const batchSize = 50;
const batchCount = 4_000;
const deviceCount = 100_000;
const durable = "Placard: durable, de-duplicated, counted";
const newDevices = "the same, half of the devices never seen before";

export const interactionsSuite: Suite = {
  name: "interactions",
  unit: "interactions",
  marks: { [durable]: 0.25 },

  async start() {
    const folder = await Deno.makeTempDir();
    const validator = await startServer("bench/servers/parse_validate.ts");
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, 10, { activate: true });
    let round = 0;
    const send = (seconds: number, bodies: readonly string[]) =>
      load({
        port: placard.port,
        connections,
        seconds,
        requests: bodies.map((body) => request("POST", "/v1/interactions", { key: sdkKey, body })),
      });
    // A popular app has seen most of its devices before.
    while (await counted(placard.port) < deviceCount) await send(2, batches(ids, "known"));
    const measure = async (seconds: number, newShare: number) => {
      round++;
      const report = await send(seconds, batches(ids, `r${round}`, newShare));
      const beforeDrainMs = performance.now();
      // A read answers when everything that was acknowledged is counted.
      await counted(placard.port);
      const drainSeconds = (performance.now() - beforeDrainMs) / 1000;
      const loadSeconds = report.answered / report.perSecond;
      return { perSecond: report.answered * batchSize / (loadSeconds + drainSeconds), report };
    };
    return {
      contenders: [
        {
          name: "parse and validate only",
          measure: async (seconds) => {
            const requests = batches(ids, `v${round}`)
              .map((body) => request("POST", "/validate", { body }));
            const report = await load({ port: validator.port, connections, seconds, requests });
            return { perSecond: report.perSecond * batchSize, report };
          },
        },
        { name: durable, measure: (seconds) => measure(seconds, 0) },
        { name: newDevices, measure: (seconds) => measure(seconds, 0.5) },
      ],
      stop: async () => {
        for (const server of [validator, placard]) await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

/** Distinct devices with an impression or a click: the answer waits for all that was acknowledged. */
async function counted(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/kpi`, {
    headers: { authorization: `Bearer ${operatorKey}` },
  });
  const { uniqueImpressions, uniqueClicks } = await response.json();
  return uniqueImpressions + uniqueClicks;
}

/** Bodies of batches with ids that no other round has; some repeat when a round outlasts them. */
export function batches(campaignIds: readonly string[], round: string, newShare = 0): string[] {
  const occurredAt = new Date(Date.now()).toISOString();
  return Array.from({ length: batchCount }, (_, batch) =>
    JSON.stringify({
      interactions: Array.from({ length: batchSize }, (_, offset) => {
        const number = batch * batchSize + offset;
        const isNew = number % 100 < newShare * 100;
        const device = isNew ? `${round}-${number}` : (number * 7_919) % deviceCount;
        return {
          id: `${round}-${crypto.randomUUID()}`,
          kind: number % 10 === 0 ? "click" : "impression",
          campaignId: campaignIds[number % campaignIds.length],
          revision: 1,
          ...(number % 10 === 0 ? { elementId: "buy" } : {}),
          platform: "web",
          deviceId: `device-${device}`,
          ...(number % 2 === 0 ? { userId: `user-${device}` } : {}),
          occurredAt,
        };
      }),
    }));
}
