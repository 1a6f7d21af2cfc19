/** What a server answers about a history, as far as no later version may answer otherwise. */
import type { TestServer } from "../support/server.ts";

// deno-lint-ignore no-explicit-any -- JSON that is compared as a whole
export async function outcomeOf(server: TestServer): Promise<any> {
  const get = async (path: string) => (await server.expect(200, "GET", path)).json;
  const campaigns: Record<string, unknown> = {};
  for (const { id } of (await get("/v1/campaigns?limit=200")).items) {
    const { name, status, version, contentRevision } = await get(`/v1/campaigns/${id}`);
    const { timeline } = await get(`/v1/campaigns/${id}/status`);
    const { totalImpressions, uniqueImpressions, totalClicks, uniqueClicks } = await get(
      `/v1/campaigns/${id}/kpi`,
    );
    campaigns[id] = {
      ...{ name, status, version, contentRevision },
      kpi: { totalImpressions, uniqueImpressions, totalClicks, uniqueClicks },
      timeline: timeline.map((one: { status: string; at: string; position: string }) =>
        [one.status, one.at, one.position].join(" ")
      ),
    };
  }
  const audiences: Record<string, unknown> = {};
  for (const { id } of (await get("/v1/audiences?limit=200")).items) {
    const { name, kind, size } = await get(`/v1/audiences/${id}`);
    audiences[id] = { name, kind, ...(kind === "list" ? { size } : {}) };
  }
  const { activeLimit, timeZone, platforms } = await get("/v1/workspace");
  return { campaigns, audiences, workspace: { activeLimit, timeZone, platforms } };
}
