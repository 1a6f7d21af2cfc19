/** Delivery: 30 live campaigns, 100,000 devices; the same bytes from bare Hono beside it. */
import type { Suite } from "../bench.ts";
import { load } from "../load.ts";
import { request, sdkKey, startPlacard, startServer } from "../process.ts";
import { createCampaigns } from "./campaigns.ts";

const connections = 64;
const deviceCount = 100_000;
const full = "Placard, 200";
const unchanged = "Placard, 304";

export const deliverySuite: Suite = {
  name: "delivery",
  unit: "requests",
  marks: { [full]: 0.5 },

  async start() {
    const folder = await Deno.makeTempDir();
    const placard = await startPlacard(folder);
    await createCampaigns(placard.port, 30, { activate: true });
    const path = (device: number) => `/v1/delivery?platform=web&deviceId=device-${device}`;
    const first = await fetch(`http://127.0.0.1:${placard.port}${path(0)}`, {
      headers: { authorization: `Bearer ${sdkKey}` },
    });
    const etag = first.headers.get("etag")!;
    const bare = await startServer("bench/servers/bare_hono.ts", [await first.text()]);
    const requests = (headers: Record<string, string>) =>
      Array.from(
        { length: deviceCount },
        (_, device) => request("GET", path(device), { key: sdkKey, headers }),
      );
    const under = (port: number, list: string[]) => async (seconds: number) => {
      const report = await load({ port, connections, seconds, requests: list });
      return { perSecond: report.perSecond, report };
    };
    return {
      contenders: [
        {
          name: "bare Hono, GET of the same bytes",
          measure: under(bare.port, [request("GET", "/bare")]),
        },
        { name: full, measure: under(placard.port, requests({})) },
        { name: unchanged, measure: under(placard.port, requests({ "if-none-match": etag })) },
      ],
      stop: async () => {
        for (const server of [bare, placard]) await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};
