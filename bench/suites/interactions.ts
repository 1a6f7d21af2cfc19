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
        {
          name: durable,
          measure: async (seconds) => {
            round++;
            const requests = batches(ids, `r${round}`)
              .map((body) => request("POST", "/v1/interactions", { key: sdkKey, body }));
            const report = await load({ port: placard.port, connections, seconds, requests });
            const beforeDrainMs = performance.now();
            // A read answers when everything that was acknowledged is counted.
            const answer = await fetch(`http://127.0.0.1:${placard.port}/v1/kpi`, {
              headers: { authorization: `Bearer ${operatorKey}` },
            });
            await answer.text();
            const drainSeconds = (performance.now() - beforeDrainMs) / 1000;
            const loadSeconds = report.answered / report.perSecond;
            return {
              perSecond: report.answered * batchSize / (loadSeconds + drainSeconds),
              report,
            };
          },
        },
      ],
      stop: async () => {
        for (const server of [validator, placard]) await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

/** Bodies of batches with ids that no other round has; some repeat when a round outlasts them. */
export function batches(campaignIds: readonly string[], round: string): string[] {
  const occurredAt = new Date(Date.now()).toISOString();
  return Array.from({ length: batchCount }, (_, batch) =>
    JSON.stringify({
      interactions: Array.from({ length: batchSize }, (_, offset) => {
        const number = batch * batchSize + offset;
        const device = (number * 7_919) % deviceCount;
        return {
          id: `${round}-${crypto.randomUUID()}`,
          kind: number % 10 === 0 ? "click" : "impression",
          campaignId: campaignIds[number % campaignIds.length],
          revision: 1,
          ...(number % 10 === 0 ? { elementId: "buy" } : {}),
          platform: "web",
          deviceId: `device-${device}`,
          ...(device % 2 === 0 ? { userId: `user-${device}` } : {}),
          occurredAt,
        };
      }),
    }));
}
