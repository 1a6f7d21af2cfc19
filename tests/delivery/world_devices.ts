/** What devices do in a random world: impressions, clicks and hides in any order, and claims. */
import { dayMs, hourMs, minuteMs, platforms } from "./random_world.ts";
import { type Campaign, type HideLength, lifeOf } from "./second_life.ts";
import { type Asked, judge } from "./second_model.ts";
import { claimLapseMs } from "./second_records.ts";
import { WorldCampaigns } from "./world_campaigns.ts";
import { type Sent, sentJson } from "./world_json.ts";
import type { Who } from "./world_scene.ts";

export class WorldDevices extends WorldCampaigns {
  readonly #sent: Sent[] = [];
  readonly #openClaims: { claimId: string; campaignId: string; deviceId: string }[] = [];
  #ids = 0;

  protected async interact(): Promise<null> {
    const { chance, world } = this;
    const posted = world.campaigns.filter((one) => {
      const { firstPostedMs } = lifeOf(one);
      return firstPostedMs !== null && firstPostedMs <= this.nowMs;
    });
    if (posted.length === 0) return null;
    const few = chance.some(posted, 2);
    const who = this.who();
    const items = Array.from({ length: 1 + chance.below(6) }, () => {
      if (this.#sent.length > 0 && chance.is(0.12)) {
        const again = chance.oneOf(this.#sent);
        const isYoung = again.occurredAtMs > this.nowMs - 6 * dayMs;
        const other = { campaignId: chance.oneOf(few).id, deviceId: chance.oneOf(this.devices) };
        if (isYoung) return chance.is(0.3) ? { ...again, ...other } : again;
      }
      const campaign = chance.oneOf(chance.is(0.7) ? few : posted);
      return this.interaction(campaign, chance.is(0.6) ? who : this.who());
    });
    const answer = await this.operator(
      "POST",
      "/v1/interactions",
      {
        interactions: items.map(sentJson),
      },
      202,
      "sdk",
    );
    const refused = new Map(
      answer.json.rejected.map((one: { index: number; code: string }) => [one.index, one.code]),
    );
    items.forEach((item, index) => {
      const code = this.refusal(item);
      this.comparison.same(
        "interaction refused",
        code,
        refused.get(index) ?? null,
        () => this.told({ item }),
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
      world.interactions.push({ ...rest, recordedAtMs: this.nowMs });
    });
    return null;
  }

  protected interaction(campaign: Campaign, who: Who): Sent {
    const { chance } = this;
    const nowMs = this.nowMs;
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
    const token = chance.is(0.7) ? this.tokenOf(who.deviceId, nowMs) : undefined;
    const claims = this.#openClaims.filter(({ campaignId }) => campaignId === campaign.id);
    // By the device that made the claim; or by another one of its user, or of whom ever.
    const claim = kind === "impression" && claims.length > 0 && chance.is(0.6)
      ? chance.oneOf(claims)
      : undefined;
    const hide = kind !== "hide" ? {} : chance.is(0.5)
      ? {
        name: chance.oneOf(["today", "today", "3d", "3d", "7d", "7d", "forever"] as HideLength[]),
      }
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

  protected refusal({ campaignId, occurredAtMs }: Sent): string | null {
    const { firstPostedMs, endedMs } = lifeOf(
      this.world.campaigns.find(({ id }) => id === campaignId)!,
    );
    if (occurredAtMs > this.nowMs + 5 * minuteMs) return "in_future";
    if (occurredAtMs < this.nowMs - 7 * dayMs) return "too_old";
    if (firstPostedMs === null || firstPostedMs > this.nowMs || occurredAtMs < firstPostedMs) {
      return "not_posted";
    }
    const isOver = endedMs !== null && endedMs <= this.nowMs;
    return isOver && occurredAtMs >= endedMs + 7 * dayMs ? "after_end" : null;
  }

  protected async claim(): Promise<number | null> {
    const { chance, world } = this;
    const nowMs = this.nowMs;
    const who = this.who();
    const token = chance.is(0.6) ? this.tokenOf(who.deviceId, nowMs) : undefined;
    const campaign = chance.oneOf(world.campaigns.filter((one) => this.isLive(one)));
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
      (await this.operator("POST", "/v1/delivery/claim", body, 200, "sdk")).json;
    const answer = await ask();
    const told = () => this.told({ asked, campaign, judged, body, answer });
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
}
