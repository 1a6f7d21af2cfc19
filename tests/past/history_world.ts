/**
 * A history made at random over HTTP: campaigns through all of their lives, audiences and their members,
 * interactions, settings of the workspace. Commands that a rule refuses belong to it.
 */
import fc from "fast-check";
import { dayMs, hourMs, minuteMs, type TestServer } from "../support/server.ts";

export type Step =
  | { readonly do: "create"; readonly startsInMs: number; readonly lastsMs: number }
  | { readonly do: "createFor"; readonly audience: number; readonly startsInMs: number }
  | { readonly do: "command"; readonly campaign: number; readonly name: string }
  | { readonly do: "edit"; readonly campaign: number; readonly patch: Record<string, unknown> }
  | { readonly do: "delete"; readonly campaign: number }
  | { readonly do: "report"; readonly campaign: number; readonly items: readonly Item[] }
  | { readonly do: "audience" }
  | { readonly do: "members"; readonly audience: number; readonly users: readonly number[] }
  | { readonly do: "workspace"; readonly patch: Record<string, unknown> }
  | { readonly do: "wait"; readonly ms: number };

interface Item {
  readonly kind: "impression" | "click" | "event";
  readonly id: number;
  readonly device: number;
  readonly agoMs: number;
}

const number = fc.nat({ max: 5 });
const startsInMs = fc.constantFrom(-minuteMs, -minuteMs, 30 * minuteMs, 3 * hourMs, 2 * dayMs);
const item: fc.Arbitrary<Item> = fc.record({
  kind: fc.constantFrom("impression", "impression", "click", "event"),
  id: fc.nat({ max: 60 }),
  device: number,
  agoMs: fc.constantFrom(0, 0, 20 * minuteMs, 5 * hourMs, 3 * dayMs),
});
const patch = fc.constantFrom<Record<string, unknown>>(
  { name: "Renamed" },
  { content: { title: "Another" } },
  { content: { title: "A third" }, priority: 90 },
  { kpiEvents: [{ name: "purchase", window: "PT5H" }] },
  { schedule: { endAt: "2026-06-01T00:00:00.000Z" } },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("create" as const),
      startsInMs,
      lastsMs: fc.constantFrom(hourMs, 4 * dayMs, 30 * dayMs),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("createFor" as const), audience: number, startsInMs }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("command" as const),
      campaign: number,
      name: fc.constantFrom("activate", "activate", "activate", "stop", "restart", "end", "copy"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("edit" as const), campaign: number, patch }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), campaign: number }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      campaign: number,
      items: fc.array(item, { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("audience" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("members" as const),
      audience: number,
      users: fc.array(number, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("workspace" as const),
      patch: fc.constantFrom<Record<string, unknown>>({ timeZone: "Asia/Seoul" }, {
        activeLimit: 3,
      }, { activeLimit: 20 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(7, 3 * minuteMs, 50 * minuteMs, 9 * hourMs, 2 * dayMs, 6 * dayMs),
    }),
  },
);

export const history = fc.array(step, { minLength: 60, maxLength: 90, size: "max" });

export interface World {
  readonly campaigns: string[];
  readonly audiences: string[];
}

/** Takes a step; every answer but a bug is part of the game. */
export async function take(server: TestServer, world: World, step: Step): Promise<void> {
  const { request, nowMs } = server;
  const campaign = (nth: number) => world.campaigns[nth % world.campaigns.length] ?? "none";
  const audience = (nth: number) => world.audiences[nth % world.audiences.length] ?? "none";
  const create = async (settings: Record<string, unknown>) => {
    const body = { ...server.settings(settings), kpiEvents: [{ name: "purchase" }] };
    const { status, json } = await request("POST", "/v1/campaigns", { body });
    if (status === 201) world.campaigns.push(json.id);
  };
  const schedule = (startsInMs: number, lastsMs: number) => ({
    startAt: new Date(nowMs() + startsInMs).toISOString(),
    endAt: new Date(nowMs() + startsInMs + lastsMs).toISOString(),
  });
  switch (step.do) {
    case "create":
      return await create({ schedule: schedule(step.startsInMs, step.lastsMs) });
    case "createFor":
      return await create({
        schedule: schedule(step.startsInMs, 9 * dayMs),
        audience: { kind: "audience", audienceId: audience(step.audience) },
      });
    case "command": {
      const path = `/v1/campaigns/${campaign(step.campaign)}/${step.name}`;
      const { status, json } = await request("POST", path);
      if (status === 201) world.campaigns.push(json.id);
      return;
    }
    case "edit":
      await request("PATCH", `/v1/campaigns/${campaign(step.campaign)}`, { body: step.patch });
      return;
    case "delete":
      await request("DELETE", `/v1/campaigns/${campaign(step.campaign)}`);
      return;
    case "report": {
      const interactions = step.items.map(({ kind, id, device, agoMs }) => ({
        id: `i${id}`,
        kind,
        platform: "web",
        deviceId: `d${device}`,
        ...(device % 2 === 0 ? { userId: `u${device}` } : {}),
        occurredAt: new Date(nowMs() - agoMs).toISOString(),
        ...(kind === "event" ? { name: "purchase" } : { campaignId: campaign(step.campaign) }),
        ...(kind === "click" ? { elementId: "buy" } : {}),
      }));
      await request("POST", "/v1/interactions", { body: { interactions } });
      return;
    }
    case "audience": {
      const body = { name: "A list", kind: "list" };
      const { status, json } = await request("POST", "/v1/audiences", { body });
      if (status === 201) world.audiences.push(json.id);
      return;
    }
    case "members": {
      const body = step.users.map((user) =>
        `${JSON.stringify({ op: user > 3 ? "remove" : "add", userId: `u${user}` })}\n`
      ).join("");
      const headers = { "content-type": "application/x-ndjson" };
      const path = `/v1/audiences/${audience(step.audience)}/members`;
      await request("POST", path, { body, headers });
      return;
    }
    case "workspace":
      await request("PATCH", "/v1/workspace", { body: step.patch });
      return;
    case "wait":
      server.advance(step.ms);
  }
}

/** Questions that can be asked as of a place in the past: of single campaigns about some, by turns. */
export function questions({ campaigns, audiences }: World, turn: number): string[] {
  const some = [0, 1, 2, 3].map((nth) => campaigns[(turn * 4 + nth) % campaigns.length] ?? "none");
  return [
    "/v1/campaigns?sort=name&limit=3",
    "/v1/campaigns?status=posting&status=stopped",
    "/v1/kpi",
    "/v1/kpi?granularity=day&by=platform",
    "/v1/workspace",
    "/v1/audiences?limit=2",
    ...audiences.map((id) => `/v1/audiences/${id}`),
    ...new Set(some.flatMap((id) => [
      `/v1/campaigns/${id}`,
      `/v1/campaigns/${id}/status`,
      `/v1/campaigns/${id}/history?limit=4`,
      `/v1/campaigns/${id}/kpi?granularity=day&by=element`,
    ])),
  ];
}

export function asOf(path: string, place: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}asOf=${place}`;
}
