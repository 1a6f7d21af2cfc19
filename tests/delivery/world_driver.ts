/**
 * Lives one random world: everything that happens goes to a whole Placard over HTTP and, as plain data, to
 * the second model; then both are asked the same questions.
 */
import { assertEquals } from "@std/assert";
import { type Answer, openTestServer, type TestServer } from "../support/server.ts";
import {
  Chance,
  dayMs,
  hourMs,
  minuteMs,
  type Plan,
  planOf,
  platforms,
  RandomSettings,
} from "./random_world.ts";
import type { Comparison } from "./comparison.ts";
import {
  type Campaign,
  type HideLength,
  type Interaction,
  type LifeEvent,
  lifeOf,
  type Members,
  type Settings,
  type World,
} from "./second_life.ts";
import { type Asked, claimLapseMs, judge, type Judgement, lastSet, predict, type Predicted, type Session } from "./second_model.ts";

const leadMs = hourMs;
/** What the product can do: a class that is off is not drawn. */
export interface Works {
  readonly exposures: boolean;
  readonly snapshots: boolean;
  /** What is edited while stopped reaches the sessions that begin before the restart. */
  readonly editsWhileStopped: boolean;
  /** A hide is as long as the button of its revision says, also after the end. */
  readonly hidesAfterEnd: boolean;
}

/** The same for all servers, and slow to make. */
let document: TestServer["document"];

interface Token {
  readonly token: string;
  readonly session: Session;
  readonly givenMs: number;
}

interface Sent extends Omit<Interaction, "recordedAtMs"> {
  readonly platform: string;
  readonly token?: string;
}

export interface DriverOptions {
  readonly seed: number;
  readonly number: number;
  readonly moments: number;
  readonly questions: number;
  readonly works: Works;
  readonly comparison: Comparison;
}

export class WorldDriver {
  readonly chance: Chance;
  readonly plan: Plan;
  readonly world: World;
  readonly comparison: Comparison;
  readonly number: number;
  readonly works: Works;
  readonly devices: string[];
  /** These never log in. */
  readonly loneDevices: string[];
  readonly users: string[];
  readonly settings: RandomSettings;
  readonly lists = new Map<string, Set<string>>();
  readonly #options: DriverOptions;
  readonly #loggedIn = new Map<string, string>();
  readonly #tokens = new Map<string, Token[]>();
  readonly #sent: Sent[] = [];
  readonly #openClaims: { claimId: string; campaignId: string; deviceId: string }[] = [];
  readonly #audienceIds: string[] = [];
  readonly #instants: number[] = [];
  readonly #asked: {
    readonly query: Record<string, string>;
    readonly asked: Asked;
    readonly etag: string;
    readonly messages: readonly Predicted[];
  }[] = [];
  #server!: TestServer;
  #ids = 0;
  #campaignIds: Chance | null = null;
  readonly #otherIds: Chance;

  constructor(options: DriverOptions) {
    const { seed, number, moments, works, comparison } = options;
    this.#options = options;
    this.works = works;
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
    this.settings = new RandomSettings(this.chance, this.plan, this.#audienceIds);
  }

  async live(): Promise<void> {
    const { plan, chance } = this;
    const kv = await Deno.openKv(":memory:");
    await this.#open(kv, plan.startMs);
    try {
      await this.#prepare();
      const moments = [...plan.moments];
      // A process that starts anew in the middle knows what was flushed, and folds the rest.
      const restartAt = chance.is(0.5) ? Math.floor(moments.length / 2) : -1;
      for (let moment = 0; moments.length > 0; moment++) {
        if (moment === restartAt) {
          await this.#server.close();
          await this.#open(kv, this.#nowMs);
          this.comparison.met("server started anew");
          if (Deno.env.has("DUMP")) console.log("restart", this.number, new Date(this.#nowMs).toISOString());
        }
        await this.#moveTo(moments.shift()!);
        const { questions } = this.#options;
        const before = Math.ceil(0.6 * questions);
        for (let asked = 0; asked < before; asked++) await this.#ask();
        for (let acts = chance.oneOf([1, 1, 2, 3]); acts > 0; acts--) {
          await this.#moveTo(this.#nowMs + 1);
          const wakeMs = await this.#act();
          if (wakeMs !== null && chance.is(0.5)) {
            moments.push(wakeMs);
            moments.sort((a, b) => a - b);
          }
        }
        if (chance.is(0.5)) await this.#moveTo(this.#nowMs + 1);
        for (let asked = before; asked < questions; asked++) await this.#ask();
      }
    } finally {
      await this.#server.close();
      kv.close();
    }
  }

  async #open(kv: Deno.Kv, atMs: number): Promise<void> {
    this.#server = await openTestServer({
      kv,
      clock: new Date(atMs).toISOString(),
      timeZone: this.plan.workspaceZone,
      // Those of campaigns do not depend on how often the server needs others meanwhile.
      newId: () => (this.#campaignIds ?? this.#otherIds).id(),
      checkedShare: 20,
      document,
    });
    document = this.#server.document;
  }

  get #nowMs(): number {
    return this.#server.nowMs();
  }

  async #prepare(): Promise<void> {
    const { chance, works } = this;
    await this.#operator("PATCH", "/v1/workspace", { platforms });
    for (let count = works.snapshots ? 3 : 0; count > 0; count--) {
      const body = { name: `list ${count}`, kind: "list" };
      const { id } = (await this.#operator("POST", "/v1/audiences", body)).json;
      this.#audienceIds.push(id);
      this.lists.set(id, new Set());
      await this.#upload(id, chance.some([...this.users, ...this.loneDevices], 3));
    }
    const count = 9 + chance.below(4);
    const drafts: Campaign[] = [];
    for (let index = 0; index < count; index++) {
      if (chance.is(0.5)) await this.#moveTo(this.#nowMs + 1);
      drafts.push(await this.#create(this.settings.whole()));
    }
    for (const draft of drafts) {
      if (!chance.is(0.85)) continue;
      await this.#command(draft, "activate");
    }
  }

  /** What is due happens then: also audiences are calculated. */
  async #moveTo(atMs: number): Promise<void> {
    if (atMs > this.#nowMs) this.#server.advance(atMs - this.#nowMs);
    this.#instants.push(this.#nowMs);
    for (const campaign of this.world.campaigns) await this.#freeze(campaign);
  }

  async #freeze(campaign: Campaign): Promise<void> {
    const { events } = campaign;
    const since = events.findLastIndex(({ type }) => type === "activate" || type === "restart");
    const isActive = since >= 0 &&
      events.slice(since).every(({ type }) => type !== "stop" && type !== "end");
    if (!isActive || events.slice(since).some(({ type }) => type === "snapshot")) return;
    const { settings } = lastSet(campaign, this.#nowMs)!;
    const { audienceId, excludeId, startMs, endMs } = settings;
    if (audienceId === null && excludeId === null) return;
    if (this.#nowMs < startMs - leadMs || this.#nowMs >= endMs) return;
    const path = `/v1/campaigns/${campaign.id}/audience`;
    for (let tries = 0;; tries++) {
      const { json } = await this.#operator("GET", path);
      if (json.snapshot && Date.parse(json.snapshot.at) >= events[since]!.atMs) break;
      if (tries > 2_000) throw new Error(`is never frozen: ${JSON.stringify(json)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const copy = (id: string | null): Members | null =>
      id === null ? null : new Set(this.lists.get(id));
    this.#happened(campaign, {
      type: "snapshot",
      atMs: this.#nowMs,
      members: copy(audienceId),
      excluded: copy(excludeId),
    });
  }

  #happened(campaign: Campaign, event: LifeEvent): void {
    campaign.events.push(event);
  }

  /** What may happen next; sometimes tells when it is worth a look. */
  async #act(): Promise<number | null> {
    const { chance, works } = this;
    const draw = chance.draw();
    if (draw < 0.5) return works.exposures ? await this.#interact() : null;
    if (draw < 0.66) return works.exposures ? await this.#claim() : null;
    if (draw < 0.78) return await this.#edit();
    if (draw < 0.86) return await this.#stopOrRestart();
    if (draw < 0.90) return await this.#activate();
    if (draw < 0.905) return await this.#end();
    if (draw < 0.94) return await this.#test();
    if (draw < 0.95) return await this.#changeZone();
    if (draw < 0.97 && works.snapshots) {
      const members = chance.some([...this.users, ...this.loneDevices], 1 + chance.below(2));
      await this.#upload(chance.oneOf(this.#audienceIds), members);
    }
    return null;
  }

  async #create(settings: Settings): Promise<Campaign> {
    const { chance } = this;
    const body = { name: "Of the second model", type: "modal_text", ...jsonOf(settings) };
    this.#campaignIds = new Chance(chance.below(2 ** 32));
    const { id } = (await this.#operator("POST", "/v1/campaigns", body)).json;
    this.#campaignIds = null;
    const campaign: Campaign = { id, events: [] };
    this.#happened(campaign, { type: "set", atMs: this.#nowMs, settings });
    this.world.campaigns.push(campaign);
    return campaign;
  }

  async #command(campaign: Campaign, type: "activate" | "restart" | "stop" | "end") {
    await this.#operator("POST", `/v1/campaigns/${campaign.id}/${type}`);
    this.#happened(campaign, { type, atMs: this.#nowMs });
    await this.#freeze(campaign);
  }

  #stage(campaign: Campaign): "writing" | "active" | "stopped" | "ended" {
    const { endedMs } = lifeOf(campaign);
    if (endedMs !== null && endedMs <= this.#nowMs) return "ended";
    const last = campaign.events.findLast(({ type }) =>
      type === "activate" || type === "restart" || type === "stop"
    );
    return !last ? "writing" : last.type === "stop" ? "stopped" : "active";
  }

  #in(stage: string): Campaign[] {
    return this.world.campaigns.filter((campaign) => this.#stage(campaign) === stage);
  }

  #isLive(campaign: Campaign): boolean {
    return lifeOf(campaign).live
      .some(({ fromMs, untilMs }) => fromMs <= this.#nowMs && this.#nowMs < untilMs);
  }

  async #edit(): Promise<null> {
    const { chance, world } = this;
    const campaign = chance.oneOf(world.campaigns);
    const stage = this.#stage(campaign);
    if (stage === "ended") return null;
    const before = lastSet(campaign, this.#nowMs)!.settings;
    let settings = stage === "stopped" && !this.works.editsWhileStopped
      ? before
      : this.settings.edited(before);
    const isOpen = stage === "writing" || stage === "stopped";
    if (isOpen && chance.is(0.5)) settings = { ...settings, ...this.settings.audience() };
    if (stage === "stopped" && chance.is(0.3)) {
      const startMs = this.#nowMs + (chance.below(6) - 3) * 30 * minuteMs;
      if (startMs < settings.endMs) settings = { ...settings, startMs };
    }
    const [whole, old] = [jsonOf(settings), jsonOf(before)];
    const patch = Object.fromEntries(
      Object.entries(whole).filter(([name, value]) =>
        JSON.stringify(value) !== JSON.stringify(old[name])
      ),
    );
    const path = `/v1/campaigns/${campaign.id}`;
    const { json } = await this.#operator("PATCH", path, patch);
    if (Object.keys(patch).length === 0) return null;
    // Whoever reports the new revision has been shown it: it has been read before.
    await this.#operator("GET", path);
    this.#happened(campaign, { type: "set", atMs: this.#nowMs, settings });
    const expected = lifeOf(campaign).revisions
      .filter((one) => one.atMs <= this.#nowMs).length || 1;
    this.comparison.same("contentRevision", expected, json.contentRevision, () =>
      this.#told({ campaign, patch })
    );
    await this.#freeze(campaign);
    return null;
  }

  async #stopOrRestart(): Promise<null> {
    const { chance } = this;
    const stopped = this.#in("stopped");
    if (stopped.length > 0 && chance.is(0.6)) {
      await this.#command(chance.oneOf(stopped), "restart");
    } else {
      const active = this.#in("active");
      if (active.length > 5) await this.#command(chance.oneOf(active), "stop");
    }
    return null;
  }

  async #activate(): Promise<null> {
    const { chance } = this;
    const draft = this.#in("writing").find((one) =>
      lastSet(one, this.#nowMs)!.settings.endMs > this.#nowMs
    );
    if (draft) await this.#command(draft, "activate");
    else if (this.world.campaigns.length < 16) {
      const settings = this.settings.whole();
      const endMs = Math.max(settings.endMs, this.#nowMs + hourMs);
      const created = await this.#create({ ...settings, endMs });
      if (chance.is(0.7)) await this.#command(created, "activate");
    }
    return null;
  }

  async #end(): Promise<null> {
    const live = this.world.campaigns.filter((one) => this.#isLive(one));
    if (live.length > 5) await this.#command(this.chance.oneOf(live), "end");
    return null;
  }

  async #test(): Promise<number | null> {
    const { chance } = this;
    const drafts = this.#in("writing");
    if (drafts.length === 0) return null;
    const draft = chance.oneOf(drafts);
    const devices = chance.some([...this.devices, ...this.loneDevices], 3);
    await this.#operator("POST", `/v1/campaigns/${draft.id}/test-messages`, {
      deviceIds: devices,
    }, 202);
    this.#happened(draft, { type: "test", atMs: this.#nowMs, devices });
    return this.#nowMs + dayMs - chance.below(2);
  }

  async #changeZone(): Promise<null> {
    const zone = this.chance.oneOf([this.plan.zone, this.plan.zone, "Asia/Kathmandu"]);
    await this.#operator("PATCH", "/v1/workspace", { timeZone: zone });
    this.world.zones.push({ atMs: this.#nowMs, zone });
    return null;
  }

  async #upload(audienceId: string, ids: readonly string[]): Promise<void> {
    const list = this.lists.get(audienceId)!;
    const lines = ids.map((id) => {
      const isUser = this.users.includes(id);
      const member = `${isUser ? "user" : "device"}:${id}`;
      const op = list.has(member) ? "remove" : "add";
      if (op === "add") list.add(member);
      else list.delete(member);
      return JSON.stringify({ op, ...(isUser ? { userId: id } : { deviceId: id }) });
    });
    const answer = await this.#server.request("POST", `/v1/audiences/${audienceId}/members`, {
      body: lines.join("\n") + "\n",
      headers: { "content-type": "application/x-ndjson" },
    });
    assertEquals([answer.status, answer.json.size], [200, list.size], answer.text);
  }

  #who(): { deviceId: string; userId?: string } {
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

  async #interact(): Promise<null> {
    const { chance, world } = this;
    const posted = world.campaigns.filter((one) => {
      const { firstPostedMs } = lifeOf(one);
      return firstPostedMs !== null && firstPostedMs <= this.#nowMs;
    });
    if (posted.length === 0) return null;
    const few = chance.some(posted, 2);
    const who = this.#who();
    const items = Array.from({ length: 1 + chance.below(6) }, () => {
      if (this.#sent.length > 0 && chance.is(0.12)) {
        const again = chance.oneOf(this.#sent);
        const isYoung = again.occurredAtMs > this.#nowMs - 6 * dayMs;
        const other = { campaignId: chance.oneOf(few).id, deviceId: chance.oneOf(this.devices) };
        if (isYoung) return chance.is(0.3) ? { ...again, ...other } : again;
      }
      const campaign = chance.oneOf(chance.is(0.7) ? few : posted);
      return this.#interaction(campaign, chance.is(0.6) ? who : this.#who());
    });
    const answer = await this.#operator("POST", "/v1/interactions", {
      interactions: items.map(sentJson),
    }, 202, "sdk");
    const refused = new Map(
      answer.json.rejected.map((one: { index: number; code: string }) => [one.index, one.code]),
    );
    items.forEach((item, index) => {
      const code = this.#refusal(item);
      this.comparison.same("interaction refused", code, refused.get(index) ?? null, () =>
        this.#told({ item })
      );
      this.comparison.met(code === null ? "interaction accepted" : `interaction ${code}`);
      if (code !== null) return;
      if (world.interactions.some(({ id }) => id === item.id)) {
        this.comparison.met("interaction repeated");
      } else if (item.occurredAtMs < (world.interactions.at(-1)?.occurredAtMs ?? 0)) {
        this.comparison.met("interaction out of order");
      }
      this.#sent.push(item);
      const { platform: _, token: _t, ...rest } = item;
      world.interactions.push({ ...rest, recordedAtMs: this.#nowMs });
    });
    return null;
  }

  #interaction(campaign: Campaign, who: { deviceId: string; userId?: string }): Sent {
    const { chance } = this;
    const nowMs = this.#nowMs;
    const draw = chance.draw();
    const kind = draw < 0.82 ? "impression" : draw < 0.89 ? "click" : "hide";
    const { firstPostedMs, revisions } = lifeOf(campaign);
    const when = chance.draw();
    let occurredAtMs = when < 0.6
      ? nowMs - chance.below(minuteMs)
      : when < 0.78
      ? nowMs - chance.below(6 * hourMs)
      : when < 0.9
      ? nowMs - chance.below(5 * dayMs)
      : when < 0.97
      ? nowMs + chance.below(5 * minuteMs)
      : nowMs + chance.oneOf([5 * minuteMs, 5 * minuteMs + 1, -7 * dayMs, -7 * dayMs - 1]);
    if (when < 0.95 && chance.is(0.97)) occurredAtMs = Math.max(occurredAtMs, firstPostedMs!);
    const token = chance.is(0.7) ? this.#tokenOf(who.deviceId, nowMs) : undefined;
    const claims = this.#openClaims.filter(({ campaignId }) => campaignId === campaign.id);
    // By the device that made the claim; or by another one of its user, or of whom ever.
    const claim = kind === "impression" && claims.length > 0 && chance.is(0.6)
      ? chance.oneOf(claims)
      : undefined;
    const hide = kind !== "hide"
      ? {}
      : chance.is(0.5) || !this.works.hidesAfterEnd && this.#stage(campaign) === "ended"
      ? { name: chance.oneOf(["today", "today", "3d", "3d", "7d", "7d", "forever"] as HideLength[]) }
      : { elementId: "later", revision: 1 + chance.below(revisions.length) };
    return {
      id: `i${this.number}.${++this.#ids}`,
      kind,
      campaignId: campaign.id,
      ...(claim ? { deviceId: claim.deviceId } : who),
      ...(claim && who.userId !== undefined ? { userId: who.userId } : {}),
      occurredAtMs,
      platform: chance.oneOf(platforms),
      sessionMs: token?.session.startedMs ?? null,
      ...(token ? { token: token.token } : {}),
      ...(claim ? { claimId: claim.claimId } : {}),
      ...hide,
    };
  }

  #refusal({ campaignId, occurredAtMs }: Sent): string | null {
    const { firstPostedMs, endedMs } = lifeOf(
      this.world.campaigns.find(({ id }) => id === campaignId)!,
    );
    if (occurredAtMs > this.#nowMs + 5 * minuteMs) return "in_future";
    if (occurredAtMs < this.#nowMs - 7 * dayMs) return "too_old";
    if (firstPostedMs === null || firstPostedMs > this.#nowMs || occurredAtMs < firstPostedMs) {
      return "not_posted";
    }
    const isOver = endedMs !== null && endedMs <= this.#nowMs;
    return isOver && occurredAtMs >= endedMs + 7 * dayMs ? "after_end" : null;
  }

  async #claim(): Promise<number | null> {
    const { chance, world } = this;
    const nowMs = this.#nowMs;
    const who = this.#who();
    const token = chance.is(0.6) ? this.#tokenOf(who.deviceId, nowMs) : undefined;
    const campaign = chance.oneOf(world.campaigns.filter((one) => this.#isLive(one)));
    if (!campaign) return null;
    const claimId = `claim ${this.number}.${++this.#ids}`;
    const body = {
      claimId,
      campaignId: campaign.id,
      ...who,
      ...(token ? { session: token.token } : {}),
    };
    const asked: Asked = { platform: null, ...who, ...(token ? { session: token.session } : {}) };
    const judged = judge(world, campaign, asked, nowMs, this.comparison.met);
    const failing = judged.verdicts.filter(({ passed }) => !passed).map(({ rule }) => rule);
    const ask = async () =>
      (await this.#operator("POST", "/v1/delivery/claim", body, 200, "sdk")).json;
    const answer = await ask();
    const told = () => this.#told({ asked, campaign, judged, body, answer });
    this.comparison.met(judged.shown ? "claim granted" : "claim not granted");
    if (!this.comparison.same("claim granted", judged.shown, answer.granted, told)) return null;
    if (!judged.shown) {
      this.comparison.same("claim's code", true, failing.includes(answer.code), told);
      return null;
    }
    if (chance.is(0.3)) {
      this.comparison.same("claim repeated", answer, await ask(), told);
      this.comparison.met("claim repeated");
    }
    // Where there is no cap to hold, a claim is granted and not kept (decision 8).
    if (Object.keys(judged.remaining).length === 0) {
      this.comparison.met("claim without a cap");
      return null;
    }
    world.claims.push({
      claimId,
      campaignId: campaign.id,
      ...who,
      grantedAtMs: nowMs,
      sessionMs: token?.session.startedMs ?? null,
    });
    this.#openClaims.push({ claimId, campaignId: campaign.id, deviceId: who.deviceId });
    if (this.#openClaims.length > 6) this.#openClaims.shift();
    return nowMs + claimLapseMs - chance.below(2);
  }

  #tokenOf(deviceId: string, untilMs: number): Token | undefined {
    const tokens = (this.#tokens.get(deviceId) ?? []).filter(({ givenMs }) => givenMs <= untilMs);
    return tokens.length > 0 ? this.chance.oneOf(tokens) : undefined;
  }

  async #ask(): Promise<void> {
    const { chance } = this;
    const draw = chance.draw();
    if (draw < 0.45) await this.#askSync();
    else if (draw < 0.52) await this.#askAgain();
    else if (draw < 0.6) await this.#askOne();
    else await this.#askWhy(draw < 0.85);
  }

  #asking(): { deviceId: string; userId?: string } {
    return this.chance.is(0.03) ? { deviceId: `stranger ${this.chance.below(1e6)}` } : this.#who();
  }

  async #askSync(): Promise<void> {
    const { chance, world, comparison } = this;
    const { query, asked } = this.#request();
    const expected = predict(world, asked, this.#nowMs, comparison.met);
    const { json, headers } = await this.#sync(query);
    comparison.case("sync");
    comparison.met(`sync with ${expected.messages.length === 0 ? "nothing" : "messages"}`);
    const actual = json.messages.map(messageOf);
    comparison.same("sync", expected.messages, actual, () => this.#told({ asked }));
    const tokens = this.#tokens.get(asked.deviceId) ?? [];
    tokens.push({ token: json.session, session: expected.session, givenMs: this.#nowMs });
    this.#tokens.set(asked.deviceId, tokens.slice(-5));
    const etag = headers.get("etag")!;
    if (chance.is(0.3)) this.#asked.push({ query, asked, etag, messages: expected.messages });
    if (this.#asked.length > 30) this.#asked.shift();
  }

  /** With the validator of an earlier answer: a 304 says that it would be the same. */
  async #askAgain(): Promise<void> {
    const { chance, world, comparison } = this;
    if (this.#asked.length === 0) return await this.#askSync();
    const { query, asked, etag, messages } = chance.oneOf(this.#asked);
    const expected = predict(world, asked, this.#nowMs, comparison.met).messages;
    const { status, json } = await this.#sync(query, etag);
    comparison.case("sync with a validator");
    comparison.met(`validator answered ${status}`);
    const actual = status === 304 ? messages : json.messages.map(messageOf);
    comparison.same(`sync answered ${status}`, expected, actual, () => this.#told({ asked }));
  }

  /** Decide: the first whose trigger is met. */
  async #askOne(): Promise<void> {
    const { chance, world, comparison } = this;
    const { query, asked } = this.#request();
    const held = chance.below(4) - 1;
    const properties = Object.fromEntries(
      Array.from({ length: Math.max(held, 0) }, (_, index) => [`n${index}`, index + 1]),
    );
    const body = { ...query, ...(held < 0 ? {} : { event: "bought", properties }) };
    const { messages } = predict(world, asked, this.#nowMs, comparison.met);
    const expected = messages.find(({ conditions }) =>
      held < 0 ? conditions === 0 : conditions > 0 && conditions <= held
    ) ?? null;
    const { json } = await this.#operator("POST", "/v1/delivery/decide", body, 200, "sdk");
    comparison.case("decide");
    comparison.met(`decide ${held < 0 ? "at the start" : "on an event"}: ${
      expected ? "a message" : "none"
    }`);
    const actual = json.message && messageOf(json.message);
    comparison.same("decide", expected, actual, () => this.#told({ asked, body, messages }));
  }

  /** What makes the question a hard one. */
  #meet(campaign: Campaign, asked: Asked, atMs: number, expected: Judgement): void {
    const { comparison, world } = this;
    const { audienceId } = lastSet(campaign, atMs)!.settings;
    const inAudience = expected.verdicts.find(({ rule }) => rule === "audience")?.passed;
    const member = asked.userId === undefined ? `device:${asked.deviceId}` : `user:${asked.userId}`;
    const isLive = lifeOf(campaign).live.some((one) => one.fromMs <= atMs && atMs < one.untilMs);
    if (isLive && audienceId !== null && this.lists.get(audienceId)!.has(member) !== inAudience) {
      comparison.met("the list is no longer what was frozen");
    }
    if (atMs === this.#nowMs || !this.chance.is(0.3)) return;
    const now = judge(world, campaign, asked, this.#nowMs);
    const differs = now.verdicts.filter(({ rule, passed }) =>
      expected.verdicts.some((one) => one.rule === rule && one.passed !== passed)
    );
    for (const { rule } of differs) comparison.met(`the past differs from now in ${rule}`);
  }

  #request(): { query: Record<string, string>; asked: Asked } {
    const { chance } = this;
    const who = this.#asking();
    const platform = chance.oneOf(platforms);
    const token = chance.is(0.6) ? this.#tokenOf(who.deviceId, this.#nowMs) : undefined;
    return {
      query: { platform, ...who, ...(token ? { session: token.token } : {}) },
      asked: { platform, ...who, ...(token ? { session: token.session } : {}) },
    };
  }

  async #sync(query: Record<string, string>, etag?: string): Promise<Answer> {
    const answer = await this.#server.request(
      "GET",
      `/v1/delivery?${new URLSearchParams(query)}`,
      { role: "sdk", ...(etag === undefined ? {} : { headers: { "if-none-match": etag } }) },
    );
    return answer.status === 304 ? answer : this.#ok(answer);
  }

  async #askWhy(isNow: boolean): Promise<void> {
    const { chance, world, comparison } = this;
    const nowMs = this.#nowMs;
    const campaign = chance.oneOf(world.campaigns);
    const created = campaign.events[0]!.atMs;
    let atMs = nowMs;
    if (!isNow) {
      atMs = chance.oneOf(this.#instants) + chance.oneOf([0, 0, 0, -1, 1, chance.below(hourMs)]);
      atMs = Math.min(Math.max(atMs, created), nowMs);
    }
    const who = this.#asking();
    const platform = chance.is(0.3) ? null : chance.oneOf(platforms);
    const token = chance.is(0.5) ? this.#tokenOf(who.deviceId, atMs) : undefined;
    const asked: Asked = { platform, ...who, ...(token ? { session: token.session } : {}) };
    const expected = judge(world, campaign, asked, atMs, comparison.met);
    const body = {
      campaignId: campaign.id,
      ...who,
      ...(platform === null ? {} : { platform }),
      ...(token ? { session: token.token } : {}),
      ...(isNow ? {} : { at: new Date(atMs).toISOString() }),
    };
    const { json } = await this.#operator("POST", "/v1/delivery/explain", body);
    comparison.case(isNow ? "explain now" : "explain the past");
    const isLive = expected.verdicts.some(({ rule, passed }) => rule === "status" && passed);
    // Where nothing can be shown it is open whose snapshot and which caps the other rules look at;
    // and of a draft, whether it is looked at as a test message.
    const isTest = expected.verdicts[0]!.rule === "test_message";
    const compared = (rule: string) =>
      isTest ? rule === "platform" : isLive || !/^(audience|exclusion|cap_)/.test(rule);
    const rules = (verdicts: readonly { rule: string; passed: boolean }[]) =>
      Object.fromEntries(
        verdicts.filter(({ rule }) => compared(rule)).map(({ rule, passed }) => [rule, passed]),
      );
    const told = () => this.#told({ asked, at: new Date(atMs).toISOString(), campaign, json });
    this.#meet(campaign, asked, atMs, expected);
    comparison.same(
      isNow ? "explain now" : "explain the past",
      {
        shown: expected.shown,
        rules: rules(expected.verdicts),
        ...(isLive
          ? { revision: expected.revision!.revision, variant: expected.variant }
          : {}),
      },
      {
        shown: json.shown,
        rules: rules(json.rules),
        ...(isLive ? { revision: json.revision, variant: json.variant } : {}),
      },
      told,
    );
  }

  async #operator(
    method: string,
    path: string,
    body?: unknown,
    status?: number,
    role: "operator" | "sdk" = "operator",
  ): Promise<Answer> {
    return this.#ok(
      await this.#server.request(method, path, { role, ...(body === undefined ? {} : { body }) }),
      status,
      `${method} ${path} ${JSON.stringify(body)}`,
    );
  }

  #ok(answer: Answer, status?: number, what = ""): Answer {
    const isRight = status === undefined ? answer.status < 300 : answer.status === status;
    if (!isRight) {
      throw new Error(
        `world ${this.number} at ${new Date(this.#nowMs).toISOString()}: ${what} → ` +
          `${answer.status} ${answer.text.slice(0, 1_000)}`,
      );
    }
    return answer;
  }

  /** All that a disagreement needs to be understood. */
  #told(about: Record<string, unknown>): Record<string, unknown> {
    const ofSubject = ({ deviceId, userId }: { deviceId: string; userId?: string }) => {
      const asked = about.asked as Asked | undefined;
      return !asked || deviceId === asked.deviceId ||
        userId !== undefined && userId === asked.userId;
    };
    return {
      world: this.number,
      now: new Date(this.#nowMs).toISOString(),
      zones: this.world.zones,
      ...about,
      interactions: this.world.interactions.filter((one) => ofSubject(one) || one.claimId !== undefined),
      claims: this.world.claims.filter(ofSubject),
      campaigns: this.world.campaigns,
    };
  }
}

/** Settings as the API takes them, in groups that a patch can replace whole. */
function jsonOf(settings: Settings): Record<string, unknown> {
  const { title, later, variants, conditions, caps, audienceId, excludeId } = settings;
  const button = later && {
    elementId: "later",
    label: "Later",
    action: { type: "hide", for: later },
  };
  const condition = (index: number) => ({ ">": [{ var: `n${index}` }, index] });
  const instant = (ms: number) => new Date(ms).toISOString();
  return {
    platforms: settings.platforms,
    content: { title, buttons: button ? [button] : [] },
    variants: variants.map(({ key, weight }) => ({
      key,
      weight,
      content: { title: `${title} ${key}` },
    })),
    trigger: conditions === 0 ? { kind: "session_start" } : {
      kind: "event",
      event: "bought",
      conditions: { and: Array.from({ length: conditions }, (_, index) => condition(index)) },
    },
    priority: settings.priority,
    exposure: { caps },
    schedule: {
      startAt: instant(settings.startMs),
      endAt: instant(settings.endMs),
      timeZone: settings.zone,
      weekdays: settings.weekdays,
      windows: settings.windows,
    },
    audience: {
      ...(audienceId === null ? { kind: "all" } : { kind: "audience", audienceId }),
      excludeAudienceId: excludeId,
      controlPercent: settings.controlPercent,
    },
    description: settings.description,
  };
}

function sentJson(item: Sent): Record<string, unknown> {
  const { occurredAtMs, sessionMs: _, token, ...rest } = item;
  return {
    ...rest,
    occurredAt: new Date(occurredAtMs).toISOString(),
    ...(token === undefined ? {} : { session: token }),
  };
}

// deno-lint-ignore no-explicit-any -- a message as JSON
function messageOf(message: any): Predicted {
  return {
    campaignId: message.campaignId,
    revision: message.revision,
    variant: message.variant ?? null,
    title: message.content.title,
    priority: message.priority,
    conditions: message.trigger.conditions?.and.length ?? 0,
    isTest: message.test ?? false,
    remaining: message.test ? {} : remainingOf(message.caps),
  };
}

function remainingOf(
  caps: { limits: { per: string; by: string; max: number | null; remaining: number }[] },
): Record<string, number> {
  return Object.fromEntries(
    caps.limits.filter(({ max }) => max !== null)
      .map(({ per, by, remaining }) => [`${per}_${by}`, remaining]),
  );
}
