/** A server on which enough happens for a history that is worth being checked. */
import { range } from "../event_store/counters.ts";
import { minuteMs, openTestServer, type TestServer } from "../support/server.ts";
import { type History, historyOf } from "./forged_export.ts";

/** Campaigns in several statuses, one of them deleted, interactions, and edits until there are so many events. */
export async function toldHistory(eventCount: number): Promise<History> {
  const server = await openTestServer({ checkedShare: 1_000 });
  try {
    await tell(server, eventCount);
    return await historyOf(server);
  } finally {
    await server.close();
  }
}

let made: Promise<History> | null = null;

/** One of 600 events, made once; nobody may alter it. */
export function told(): Promise<History> {
  return made ??= toldHistory(600);
}

export async function tell(server: TestServer, eventCount: number): Promise<void> {
  const posting = await server.campaignIn("posting");
  await server.campaignIn("stopped");
  await server.campaignIn("ended");
  const deleted = await server.draft();
  await server.expect(204, "DELETE", `/v1/campaigns/${deleted}`);
  const draft = await server.draft({ name: 'Ünïcode — ‘quoted’ "text"' });
  let events = (await historyOf(server)).events.length;
  for (let nth = 0; events < eventCount; nth++, events++) {
    server.advance(minuteMs / 60);
    if (nth % 50 === 3) await interact(server, posting, nth);
    else {
      const body = { priority: nth % 90 };
      await server.expect(200, "PATCH", `/v1/campaigns/${draft}`, { body });
    }
  }
}

async function interact(server: TestServer, campaignId: string, first: number): Promise<void> {
  const interactions = range(20).map((nth) => ({
    id: `i${first}-${nth}`,
    kind: nth % 3 === 0 ? "click" : "impression",
    campaignId,
    platform: "web",
    deviceId: `d${nth % 17}`,
    ...(nth % 2 === 0 ? { userId: `u${nth % 5}` } : {}),
    occurredAt: new Date(server.nowMs()).toISOString(),
  }));
  await server.expect(202, "POST", "/v1/interactions", { role: "sdk", body: { interactions } });
}
