/** Campaigns to measure with, made over HTTP. */
import { operatorKey } from "../process.ts";

export function campaign(index: number, startAt = "2999-01-01T00:00:00.000Z") {
  return {
    name: `Campaign ${index}`,
    type: "modal_text",
    platforms: ["web"],
    content: {
      title: "Hello",
      body: "Tulips are here again.",
      buttons: [{
        elementId: "buy",
        label: "Buy",
        action: { type: "weblink", url: "https://example.com/tulips" },
      }],
    },
    schedule: { startAt, endAt: "2999-12-31T00:00:00.000Z" },
  };
}

/** Creates campaigns; with `activate` they are posting afterwards. Gives their ids. */
export async function createCampaigns(
  port: number,
  count: number,
  options: {
    activate?: boolean;
    /** What the server's clock says. */
    atMs?: number;
    settings?: (index: number) => Record<string, unknown>;
  } = {},
): Promise<string[]> {
  const ids: string[] = [];
  const atMs = options.atMs ?? Date.now();
  const startAt = options.activate ? new Date(atMs - 60_000).toISOString() : undefined;
  const groupSize = 50;
  for (let first = 0; first < count; first += groupSize) {
    ids.push(
      ...await Promise.all(
        Array.from({ length: Math.min(groupSize, count - first) }, async (_, offset) => {
          const index = first + offset;
          const settings = { ...campaign(index, startAt), ...options.settings?.(index) };
          const { id } = await post(port, "/v1/campaigns", settings);
          if (options.activate) await post(port, `/v1/campaigns/${id}/activate`, {});
          return id as string;
        }),
      ),
    );
  }
  return ids;
}

export async function post(port: number, path: string, body: unknown) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${operatorKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return await response.json();
}
