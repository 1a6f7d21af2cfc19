/**
 * Where a random world takes place: a whole Placard behind HTTP, what has happened there as plain data, and
 * who there is to do and ask things.
 */
import { type Answer, openTestServer, type TestServer } from "../support/server.ts";
import type { Comparison } from "./comparison.ts";
import { Chance, hourMs, type Plan, planOf, RandomSettings } from "./random_world.ts";
import { type Campaign, type LifeEvent, lifeOf, type Members, type World } from "./second_life.ts";
import { type Asked, lastSet, type Session } from "./second_model.ts";

const leadMs = hourMs;

export interface WorldOptions {
  readonly seed: number;
  readonly number: number;
  readonly moments: number;
  /** At each moment. */
  readonly questions: number;
  readonly comparison: Comparison;
}

export interface Who {
  readonly deviceId: string;
  readonly userId?: string;
}

export interface Token {
  readonly token: string;
  readonly session: Session;
  readonly givenMs: number;
}

/** The same for all servers, and slow to make. */
let document: TestServer["document"];

export class WorldScene {
  readonly chance: Chance;
  readonly plan: Plan;
  readonly world: World;
  readonly comparison: Comparison;
  readonly number: number;
  protected readonly devices: string[];
  /** These never log in. */
  protected readonly loneDevices: string[];
  protected readonly users: string[];
  protected readonly settings: RandomSettings;
  /** Members by the id of their audience, as they are now. */
  protected readonly lists = new Map<string, Set<string>>();
  protected readonly audienceIds: string[] = [];
  protected readonly tokens = new Map<string, Token[]>();
  protected readonly instants: number[] = [];
  protected readonly options: WorldOptions;
  protected server!: TestServer;
  protected campaignIds: Chance | null = null;
  readonly #loggedIn = new Map<string, string>();
  readonly #otherIds: Chance;

  constructor(options: WorldOptions) {
    const { seed, number, moments, comparison } = options;
    this.options = options;
    this.number = number;
    this.comparison = comparison;
    this.chance = new Chance(seed * 1_000 + number);
    this.#otherIds = new Chance(seed * 1_000 + number + 500_000);
    this.plan = planOf(this.chance, number, moments);
    this.world = {
      zones: [{ atMs: this.plan.startMs, zone: this.plan.workspaceZone }],
      campaigns: [],
      interactions: [],
      claims: [],
    };
    const named = (kind: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${kind}-${number}.${index}`);
    this.devices = [...named("device", 4), `gerät ${number} 日本`];
    this.loneDevices = named("lone", 3);
    this.users = [...named("user", 3), `benutzer😀${number}`];
    this.settings = new RandomSettings(this.chance, this.plan, this.audienceIds);
  }

  protected get nowMs(): number {
    return this.server.nowMs();
  }

  protected async open(kv: Deno.Kv, atMs: number): Promise<void> {
    this.server = await openTestServer({
      kv,
      clock: new Date(atMs).toISOString(),
      timeZone: this.plan.workspaceZone,
      // Those of campaigns do not depend on how often the server needs others meanwhile.
      newId: () => (this.campaignIds ?? this.#otherIds).id(),
      checkedShare: 20,
      document,
    });
    document = this.server.document;
  }

  /** What is due happens then: also audiences are calculated. */
  protected async moveTo(atMs: number): Promise<void> {
    if (atMs > this.nowMs) this.server.advance(atMs - this.nowMs);
    this.instants.push(this.nowMs);
    for (const campaign of this.world.campaigns) await this.freeze(campaign);
  }

  protected async freeze(campaign: Campaign): Promise<void> {
    const { events } = campaign;
    const since = events.findLastIndex(({ type }) => type === "activate" || type === "restart");
    const isActive = since >= 0 &&
      events.slice(since).every(({ type }) => type !== "stop" && type !== "end");
    if (!isActive || events.slice(since).some(({ type }) => type === "snapshot")) return;
    const { settings } = lastSet(campaign, this.nowMs)!;
    const { audienceId, excludeId, startMs, endMs } = settings;
    if (audienceId === null && excludeId === null) return;
    if (this.nowMs < startMs - leadMs || this.nowMs >= endMs) return;
    const path = `/v1/campaigns/${campaign.id}/audience`;
    for (let tries = 0;; tries++) {
      const { json } = await this.operator("GET", path);
      if (json.snapshot && Date.parse(json.snapshot.at) >= events[since]!.atMs) break;
      if (tries > 2_000) throw new Error(`is never frozen: ${JSON.stringify(json)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const copy = (id: string | null): Members | null =>
      id === null ? null : new Set(this.lists.get(id));
    this.happened(campaign, {
      type: "snapshot",
      atMs: this.nowMs,
      members: copy(audienceId),
      excluded: copy(excludeId),
    });
  }

  protected happened(campaign: Campaign, event: LifeEvent): void {
    campaign.events.push(event);
  }

  protected stage(campaign: Campaign): "writing" | "active" | "stopped" | "ended" {
    const { endedMs } = lifeOf(campaign);
    if (endedMs !== null && endedMs <= this.nowMs) return "ended";
    const last = campaign.events.findLast(({ type }) =>
      type === "activate" || type === "restart" || type === "stop"
    );
    return !last ? "writing" : last.type === "stop" ? "stopped" : "active";
  }

  protected in(stage: string): Campaign[] {
    return this.world.campaigns.filter((campaign) => this.stage(campaign) === stage);
  }

  protected isLive(campaign: Campaign): boolean {
    return lifeOf(campaign).live
      .some(({ fromMs, untilMs }) => fromMs <= this.nowMs && this.nowMs < untilMs);
  }

  protected who(): Who {
    const { chance } = this;
    if (chance.is(0.3)) return { deviceId: chance.oneOf(this.loneDevices) };
    const deviceId = chance.oneOf(this.devices);
    if (chance.is(0.1)) {
      // Logs in, or out.
      if (this.#loggedIn.has(deviceId)) this.#loggedIn.delete(deviceId);
      else this.#loggedIn.set(deviceId, chance.oneOf(this.users));
    }
    const userId = chance.is(0.15) ? chance.oneOf(this.users) : this.#loggedIn.get(deviceId);
    return userId === undefined ? { deviceId } : { deviceId, userId };
  }

  protected tokenOf(deviceId: string, untilMs: number): Token | undefined {
    const tokens = (this.tokens.get(deviceId) ?? []).filter(({ givenMs }) => givenMs <= untilMs);
    return tokens.length > 0 ? this.chance.oneOf(tokens) : undefined;
  }

  protected async operator(
    method: string,
    path: string,
    body?: unknown,
    status?: number,
    role: "operator" | "sdk" = "operator",
  ): Promise<Answer> {
    return this.ok(
      await this.server.request(method, path, { role, ...(body === undefined ? {} : { body }) }),
      status,
      `${method} ${path} ${JSON.stringify(body)}`,
    );
  }

  protected ok(answer: Answer, status?: number, what = ""): Answer {
    const isRight = status === undefined ? answer.status < 300 : answer.status === status;
    if (!isRight) {
      throw new Error(
        `world ${this.number} at ${new Date(this.nowMs).toISOString()}: ${what} → ` +
          `${answer.status} ${answer.text.slice(0, 1_000)}`,
      );
    }
    return answer;
  }

  /** All that a disagreement needs to be understood. */
  protected told(about: Record<string, unknown>): Record<string, unknown> {
    const ofSubject = ({ deviceId, userId }: Who) => {
      const asked = about.asked as Asked | undefined;
      return !asked || deviceId === asked.deviceId ||
        userId !== undefined && userId === asked.userId;
    };
    return {
      world: this.number,
      now: new Date(this.nowMs).toISOString(),
      zones: this.world.zones,
      ...about,
      interactions: this.world.interactions.filter((one) =>
        ofSubject(one) || one.claimId !== undefined
      ),
      claims: this.world.claims.filter(ofSubject),
      campaigns: this.world.campaigns,
    };
  }
}
