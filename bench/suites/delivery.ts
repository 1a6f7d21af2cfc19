/**
 * Delivery: 30 live campaigns with caps of every kind, control groups, variants and windows; 100,000
 * devices that are known and have used some of their caps. Bare Hono with the same bytes beside it.
 */
import type { Suite } from "../bench.ts";
import { load } from "../load.ts";
import { request, sdkKey, startPlacard, startServer } from "../process.ts";
import { createCampaigns, post } from "./campaigns.ts";

const connections = 64;
const campaignCount = 30;
const deviceCount = 100_000;
const impressionsPerDevice = 3;
const batchSize = 1_000;
const full = "Placard, 200";
const unchanged = "Placard, 304";

export const deliverySuite: Suite = {
  name: "delivery",
  unit: "requests",
  marks: { [full]: 0.4, [unchanged]: 0.6 },

  async start() {
    const folder = await Deno.makeTempDir();
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, campaignCount, { activate: true, settings });
    await showToAll(placard.port, ids);
    const path = (device: number) => `/v1/delivery?platform=web&deviceId=device-${device}`;
    const etags = await etagsOf(placard.port, path);
    const first = await fetch(`http://127.0.0.1:${placard.port}${path(0)}`, {
      headers: { authorization: `Bearer ${sdkKey}` },
    });
    const bare = await startServer("bench/servers/bare_hono.ts", [await first.text()]);
    const requests = (headers: (device: number) => Record<string, string>) =>
      Array.from(
        { length: deviceCount },
        (_, device) => request("GET", path(device), { key: sdkKey, headers: headers(device) }),
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
        { name: full, measure: under(placard.port, requests(() => ({}))) },
        {
          name: unchanged,
          measure: under(placard.port, requests((device) => ({ "if-none-match": etags[device]! }))),
        },
      ],
      stop: async () => {
        for (const server of [bare, placard]) await server.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

function settings(index: number): Record<string, unknown> {
  const by = index % 2 === 0 ? "device" : "user";
  return {
    priority: index,
    audience: { kind: "all", controlPercent: index % 3 === 0 ? 10 : 0 },
    exposure: {
      caps: [{ per: "total", by, max: 50 }, { per: index % 4 === 0 ? "hour" : "day", by, max: 5 }],
    },
    variants: index % 5 === 0 ? [{ key: "b", weight: 50, content: { title: "Hi" } }] : [],
  };
}

/** Some showings for every device, so that every cap has something to count. */
async function showToAll(port: number, ids: readonly string[]): Promise<void> {
  const occurredAt = new Date().toISOString();
  const all = Array.from({ length: deviceCount * impressionsPerDevice }, (_, nth) => ({
    id: `i${nth}`,
    kind: "impression",
    campaignId: ids[(nth * 7) % ids.length],
    platform: "web",
    deviceId: `device-${nth % deviceCount}`,
    occurredAt,
  }));
  for (let from = 0; from < all.length; from += batchSize) {
    const interactions = all.slice(from, from + batchSize);
    const { accepted } = await post(port, "/v1/interactions", { interactions });
    if (accepted !== interactions.length) throw new Error(`only ${accepted} were accepted`);
  }
}

async function etagsOf(port: number, path: (device: number) => string): Promise<string[]> {
  const etags: string[] = [];
  const together = 64;
  for (let from = 0; from < deviceCount; from += together) {
    etags.push(
      ...await Promise.all(
        Array.from({ length: Math.min(together, deviceCount - from) }, async (_, offset) => {
          const response = await fetch(`http://127.0.0.1:${port}${path(from + offset)}`, {
            headers: { authorization: `Bearer ${sdkKey}` },
          });
          await response.body?.cancel();
          return response.headers.get("etag")!;
        }),
      ),
    );
  }
  return etags;
}
