/** Makes devices and their users known, so that what is measured afterwards meets them again. */
import { untilCounted } from "../counted.ts";
import { load } from "../load/load.ts";
import { introductions } from "../requests.ts";

export async function introduce(port: number, campaignId: string, devices: number): Promise<void> {
  const requests = [...introductions(campaignId, devices)];
  await load({ port, connections: 8, seconds: 0, requests, limit: requests.length });
  await untilCounted(port, devices);
}
