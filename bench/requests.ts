/**
 * Requests as they go over the wire. The load generator writes over `~~~~` (random hexadecimal
 * digits), `######` (a random device) and `^^^^^^` (the same one again).
 */
import { sdkKey } from "./process.ts";

export interface InteractionMix {
  readonly campaignIds: readonly string[];
  readonly batchSize: number;
  /** Different bodies; ids and devices differ in each anyway. */
  readonly batchCount?: number;
  /** They happened within this time before `atMs`, one batch after the other. */
  readonly withinMs?: number;
  readonly atMs?: number;
  /** Before the number of a device or user: another one makes others of them. */
  readonly prefix?: string;
}

export function request(
  method: string,
  path: string,
  options: { key?: string; body?: string; headers?: Record<string, string> } = {},
): string {
  const { key, body, headers = {} } = options;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    ...(key ? [`authorization: Bearer ${key}`] : []),
    ...(body === undefined ? [] : [
      "content-type: application/json",
      `content-length: ${new TextEncoder().encode(body).length}`,
    ]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

export function interactionRequests(mix: InteractionMix): string[] {
  return interactionBodies(mix)
    .map((body) => request("POST", "/v1/interactions", { key: sdkKey, body }));
}

/** One impression of each device with its user, in order: afterwards all of them are known. */
export function* introductions(campaignId: string, deviceCount: number): Generator<string> {
  const occurredAt = new Date().toISOString();
  const batchSize = 1_000;
  for (let from = 0; from < deviceCount; from += batchSize) {
    const interactions = Array.from(
      { length: Math.min(batchSize, deviceCount - from) },
      (_, at) => {
        const device = String(from + at).padStart(6, "0");
        return {
          id: crypto.randomUUID(),
          kind: "impression",
          campaignId,
          platform: "web",
          deviceId: `device-${device}`,
          userId: `user-${device}`,
          occurredAt,
        };
      },
    );
    const body = JSON.stringify({ interactions });
    yield request("POST", "/v1/interactions", { key: sdkKey, body });
  }
}

/** Nine impressions to a click, every second one with a user, three platforms, two elements. */
function interactionBodies(mix: InteractionMix): string[] {
  const { campaignIds, batchSize, batchCount = 64, prefix = "" } = mix;
  const { withinMs = 1, atMs = Date.now() } = mix;
  const from = atMs - withinMs;
  const windowMs = Math.max(1, Math.floor(withinMs / batchCount));
  return Array.from({ length: batchCount }, (_, batch) =>
    JSON.stringify({
      interactions: Array.from({ length: batchSize }, (_, offset) => {
        const number = batch * batchSize + offset;
        const isClick = pick(number, 1, 10) === 0;
        return {
          id: "~~~~~~~~-~~~~-~~~~-~~~~-~~~~~~~~~~~~",
          kind: isClick ? "click" : "impression",
          campaignId: campaignIds[pick(number, 2, campaignIds.length)],
          revision: 1,
          ...(isClick ? { elementId: pick(number, 3, 3) === 0 ? "image" : "buy" } : {}),
          platform: platforms[pick(number, 4, platforms.length)],
          deviceId: `${prefix}device-######`,
          ...(pick(number, 5, 2) === 0 ? { userId: `${prefix}user-^^^^^^` } : {}),
          occurredAt: new Date(from + batch * windowMs + pick(number, 6, windowMs)).toISOString(),
        };
      }),
    }));
}

const platforms = ["web", "ios", "web", "android", "web", "ios", "web"];

/** One of so many, scattered, and the same in each run; `of` keeps choices apart. */
function pick(number: number, of: number, count: number): number {
  let bits = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(of, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
  bits = Math.imul(bits ^ (bits >>> 12), 0x297a2d39);
  return ((bits ^ (bits >>> 15)) >>> 0) % count;
}
