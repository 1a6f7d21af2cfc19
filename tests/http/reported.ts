/** Reports interactions for tests, and reads what was counted. */
import { assertEquals } from "@std/assert";
import type { RequestOptions, TestServer } from "../support/server.ts";

export const url = "/v1/interactions";
let ids = 0;

export function item(server: TestServer, campaignId: string, more: Record<string, unknown> = {}) {
  return {
    id: `i${++ids}`,
    kind: "impression",
    campaignId,
    platform: "web",
    deviceId: "d1",
    occurredAt: new Date(server.nowMs()).toISOString(),
    ...more,
  };
}

/** The codes of those that were rejected, by index; "" for the accepted. */
export async function send({ expect }: TestServer, items: unknown[], options: RequestOptions = {}) {
  const body = { interactions: items };
  const { json } = await expect(202, "POST", url, { role: "sdk", body, ...options });
  const codes: string[] = items.map(() => "");
  for (const { index, code } of json.rejected) codes[index] = code;
  assertEquals(json.accepted, codes.filter((code) => code === "").length);
  const indexes = json.rejected.map(({ index }: { index: number }) => index);
  assertEquals(indexes.toSorted((a: number, b: number) => a - b), indexes);
  return codes;
}

export const impressions = async ({ expect }: TestServer, id: string) =>
  (await expect(200, "GET", `/v1/campaigns/${id}/kpi`)).json.totalImpressions;
