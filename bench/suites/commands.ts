/** Commands: 64 connections, 10,000 streams. */
import type { Suite } from "../bench.ts";
import { load } from "../load.ts";
import { operatorKey, request, startPlacard, startServer } from "../process.ts";
import { campaign, createCampaigns } from "./campaigns.ts";

const connections = 64;
const streamCount = 10_000;
const append = "the store's append behind a bare route";
const command = "a campaign command: PATCH of one setting";

export const commandsSuite: Suite = {
  name: "commands",
  unit: "commands",
  marks: { [append]: 0.35, [command]: 0.15 },

  async start() {
    const folder = await Deno.makeTempDir();
    const bare = await startServer("bench/servers/bare_hono.ts", [JSON.stringify(campaign(0))]);
    const appender = await startServer("bench/servers/bare_append.ts", [`${folder}/append.kv`]);
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, streamCount);
    let edits = 0;
    const under = (port: number, requests: string[]) => async (seconds: number) => {
      const report = await load({ port, connections, seconds, requests });
      return { perSecond: report.perSecond, report };
    };
    const body = JSON.stringify({ description: "the same for everybody" });
    return {
      contenders: [
        {
          name: "bare Hono, POST",
          measure: under(bare.port, [request("POST", "/bare", { body })]),
        },
        {
          name: append,
          measure: under(
            appender.port,
            ids.map((id) => request("POST", `/append/${id}`, { body })),
          ),
        },
        {
          name: command,
          // Another text in every round, or the patch would change nothing.
          measure: (seconds) => {
            edits++;
            const requests = ids.map((id, index) =>
              request("PATCH", `/v1/campaigns/${id}`, {
                key: operatorKey,
                body: JSON.stringify({ description: `edit ${edits} of ${index}` }),
              })
            );
            return under(placard.port, requests)(seconds);
          },
        },
      ],
      stop: async () => {
        for (const server of [bare, appender, placard]) await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};
