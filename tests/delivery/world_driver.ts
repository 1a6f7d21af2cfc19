/**
 * Lives one random world: everything that happens goes to a whole Placard over HTTP and, as plain data, to
 * the second model; then both are asked the same questions.
 */
import type { Answer } from "../support/server.ts";
import { hourMs, platforms } from "./random_world.ts";
import { type Campaign, lifeOf } from "./second_life.ts";
import {
  type Asked,
  judge,
  type Judgement,
  lastSet,
  predict,
  type Predicted,
} from "./second_model.ts";
import { WorldDevices } from "./world_devices.ts";
import { messageOf } from "./world_json.ts";
import type { Who } from "./world_scene.ts";

export class WorldDriver extends WorldDevices {
  /** Some of the answers, to be asked for again. */
  readonly #asked: {
    readonly query: Record<string, string>;
    readonly asked: Asked;
    readonly etag: string;
    readonly messages: readonly Predicted[];
  }[] = [];

  async live(): Promise<void> {
    const { plan, chance } = this;
    const kv = await Deno.openKv(":memory:");
    await this.open(kv, plan.startMs);
    try {
      await this.prepare();
      const moments = [...plan.moments];
      // A process that starts anew in the middle knows what was flushed, and folds the rest.
      const restartAt = chance.is(0.5) ? Math.floor(moments.length / 2) : -1;
      for (let moment = 0; moments.length > 0; moment++) {
        if (moment === restartAt) {
          await this.server.close();
          await this.open(kv, this.nowMs);
          this.comparison.met("server started anew");
        }
        await this.moveTo(moments.shift()!);
        const { questions } = this.options;
        const before = Math.ceil(0.6 * questions);
        for (let asked = 0; asked < before; asked++) await this.ask();
        for (let acts = chance.oneOf([1, 1, 2, 3]); acts > 0; acts--) {
          await this.moveTo(this.nowMs + 1);
          const wakeMs = await this.act();
          if (wakeMs !== null && chance.is(0.5)) {
            moments.push(wakeMs);
            moments.sort((a, b) => a - b);
          }
        }
        if (chance.is(0.5)) await this.moveTo(this.nowMs + 1);
        for (let asked = before; asked < questions; asked++) await this.ask();
      }
    } finally {
      await this.server.close();
      kv.close();
    }
  }

  /** What may happen next; sometimes tells when it is worth a look. */
  protected async act(): Promise<number | null> {
    const { chance } = this;
    const draw = chance.draw();
    if (draw < 0.5) return await this.interact();
    if (draw < 0.66) return await this.claim();
    if (draw < 0.78) return await this.edit();
    if (draw < 0.86) return await this.stopOrRestart();
    if (draw < 0.90) return await this.activate();
    if (draw < 0.905) return await this.end();
    if (draw < 0.94) return await this.test();
    if (draw < 0.95) return await this.changeZone();
    if (draw < 0.97) {
      const members = chance.some([...this.users, ...this.loneDevices], 1 + chance.below(2));
      await this.upload(chance.oneOf(this.audienceIds), members);
    }
    return null;
  }

  protected async ask(): Promise<void> {
    const { chance } = this;
    const draw = chance.draw();
    if (draw < 0.45) await this.askSync();
    else if (draw < 0.52) await this.askAgain();
    else if (draw < 0.6) await this.askOne();
    else await this.askWhy(draw < 0.85);
  }

  protected asking(): Who {
    return this.chance.is(0.03) ? { deviceId: `stranger ${this.chance.below(1e6)}` } : this.who();
  }

  protected async askSync(): Promise<void> {
    const { chance, world, comparison } = this;
    const { query, asked } = this.request();
    const expected = predict(world, asked, this.nowMs, comparison.met);
    const { json, headers } = await this.sync(query);
    comparison.case("sync");
    comparison.met(`sync with ${expected.messages.length === 0 ? "nothing" : "messages"}`);
    const actual = json.messages.map(messageOf);
    comparison.same("sync", expected.messages, actual, () => this.told({ asked }));
    const tokens = this.tokens.get(asked.deviceId) ?? [];
    tokens.push({ token: json.session, session: expected.session, givenMs: this.nowMs });
    this.tokens.set(asked.deviceId, tokens.slice(-5));
    const etag = headers.get("etag")!;
    if (chance.is(0.3)) this.#asked.push({ query, asked, etag, messages: actual });
    if (this.#asked.length > 30) this.#asked.shift();
  }

  /** With the validator of an earlier answer: a 304 says that it would be the same. */
  protected async askAgain(): Promise<void> {
    const { chance, world, comparison } = this;
    if (this.#asked.length === 0) return await this.askSync();
    const { query, asked, etag, messages } = chance.oneOf(this.#asked);
    const expected = predict(world, asked, this.nowMs, comparison.met).messages;
    const { status, json } = await this.sync(query, etag);
    comparison.case("sync with a validator");
    comparison.met(`validator answered ${status}`);
    const actual = status === 304 ? messages : json.messages.map(messageOf);
    comparison.same(`sync answered ${status}`, expected, actual, () => this.told({ asked }));
  }

  /** Decide: the first whose trigger is met. */
  protected async askOne(): Promise<void> {
    const { chance, world, comparison } = this;
    const { query, asked } = this.request();
    const held = chance.below(4) - 1;
    const properties = Object.fromEntries(
      Array.from({ length: Math.max(held, 0) }, (_, index) => [`n${index}`, index + 1]),
    );
    const body = { ...query, ...(held < 0 ? {} : { event: "bought", properties }) };
    const { messages } = predict(world, asked, this.nowMs, comparison.met);
    const expected =
      messages.find(({ conditions }) =>
        held < 0 ? conditions === 0 : conditions > 0 && conditions <= held
      ) ?? null;
    const { json } = await this.operator("POST", "/v1/delivery/decide", body, 200, "sdk");
    comparison.case("decide");
    comparison.met(
      `decide ${held < 0 ? "at the start" : "on an event"}: ${expected ? "a message" : "none"}`,
    );
    const actual = json.message && messageOf(json.message);
    comparison.same("decide", expected, actual, () => this.told({ asked, body, messages }));
  }

  /** What makes the question a hard one. */
  protected meet(campaign: Campaign, asked: Asked, atMs: number, expected: Judgement): void {
    const { comparison, world } = this;
    const { audienceId } = lastSet(campaign, atMs)!.settings;
    const inAudience = expected.verdicts.find(({ rule }) => rule === "audience")?.passed;
    const member = asked.userId === undefined ? `device:${asked.deviceId}` : `user:${asked.userId}`;
    const isLive = lifeOf(campaign).live.some((one) => one.fromMs <= atMs && atMs < one.untilMs);
    if (isLive && audienceId !== null && this.lists.get(audienceId)!.has(member) !== inAudience) {
      comparison.met("the list is no longer what was frozen");
    }
    if (atMs === this.nowMs || !this.chance.is(0.3)) return;
    const now = judge(world, campaign, asked, this.nowMs);
    const differs = now.verdicts.filter(({ rule, passed }) =>
      expected.verdicts.some((one) => one.rule === rule && one.passed !== passed)
    );
    for (const { rule } of differs) comparison.met(`the past differs from now in ${rule}`);
  }

  protected request(): { query: Record<string, string>; asked: Asked } {
    const { chance } = this;
    const who = this.asking();
    const platform = chance.oneOf(platforms);
    const token = chance.is(0.6) ? this.tokenOf(who.deviceId, this.nowMs) : undefined;
    return {
      query: { platform, ...who, ...(token ? { session: token.token } : {}) },
      asked: { platform, ...who, ...(token ? { session: token.session } : {}) },
    };
  }

  protected async sync(query: Record<string, string>, etag?: string): Promise<Answer> {
    const answer = await this.server.request(
      "GET",
      `/v1/delivery?${new URLSearchParams(query)}`,
      { role: "sdk", ...(etag === undefined ? {} : { headers: { "if-none-match": etag } }) },
    );
    return answer.status === 304 ? answer : this.ok(answer);
  }

  protected async askWhy(isNow: boolean): Promise<void> {
    const { chance, world, comparison } = this;
    const nowMs = this.nowMs;
    const campaign = chance.oneOf(world.campaigns);
    const created = campaign.events[0]!.atMs;
    let atMs = nowMs;
    if (!isNow) {
      atMs = chance.oneOf(this.instants) + chance.oneOf([0, 0, 0, -1, 1, chance.below(hourMs)]);
      atMs = Math.min(Math.max(atMs, created), nowMs);
    }
    const who = this.asking();
    const platform = chance.is(0.3) ? null : chance.oneOf(platforms);
    const token = chance.is(0.5) ? this.tokenOf(who.deviceId, atMs) : undefined;
    const asked: Asked = { platform, ...who, ...(token ? { session: token.session } : {}) };
    const expected = judge(world, campaign, asked, atMs, comparison.met);
    const body = {
      campaignId: campaign.id,
      ...who,
      ...(platform === null ? {} : { platform }),
      ...(token ? { session: token.token } : {}),
      ...(isNow ? {} : { at: new Date(atMs).toISOString() }),
    };
    const { json } = await this.operator("POST", "/v1/delivery/explain", body);
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
    const told = () => this.told({ asked, at: new Date(atMs).toISOString(), campaign, json });
    this.meet(campaign, asked, atMs, expected);
    comparison.same(
      isNow ? "explain now" : "explain the past",
      {
        shown: expected.shown,
        rules: rules(expected.verdicts),
        ...(isLive ? { revision: expected.revision!.revision, variant: expected.variant } : {}),
      },
      {
        shown: json.shown,
        rules: rules(json.rules),
        ...(isLive ? { revision: json.revision, variant: json.variant } : {}),
      },
      told,
    );
  }
}
