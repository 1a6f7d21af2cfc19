/** What operators do in a random world: campaigns from draft to end, audiences, the workspace. */
import { assertEquals } from "@std/assert";
import { Chance, dayMs, hourMs, minuteMs, platforms } from "./random_world.ts";
import { type Campaign, lifeOf, type Settings } from "./second_life.ts";
import { lastSet } from "./second_model.ts";
import { jsonOf } from "./world_json.ts";
import { WorldScene } from "./world_scene.ts";

export class WorldCampaigns extends WorldScene {
  protected async prepare(): Promise<void> {
    const { chance } = this;
    await this.operator("PATCH", "/v1/workspace", { platforms });
    for (let count = 3; count > 0; count--) {
      const body = { name: `list ${count}`, kind: "list" };
      const { id } = (await this.operator("POST", "/v1/audiences", body)).json;
      this.audienceIds.push(id);
      this.lists.set(id, new Set());
      await this.upload(id, chance.some([...this.users, ...this.loneDevices], 3));
    }
    const count = 9 + chance.below(4);
    const drafts: Campaign[] = [];
    for (let index = 0; index < count; index++) {
      if (chance.is(0.5)) await this.moveTo(this.nowMs + 1);
      drafts.push(await this.create(this.settings.whole()));
    }
    for (const draft of drafts) {
      if (!chance.is(0.85)) continue;
      await this.command(draft, "activate");
    }
  }

  protected async create(settings: Settings): Promise<Campaign> {
    const { chance } = this;
    const body = { name: "Of the second model", type: "modal_text", ...jsonOf(settings) };
    this.campaignIds = new Chance(chance.below(2 ** 32));
    const { id } = (await this.operator("POST", "/v1/campaigns", body)).json;
    this.campaignIds = null;
    const campaign: Campaign = { id, events: [] };
    this.happened(campaign, { type: "set", atMs: this.nowMs, settings });
    this.world.campaigns.push(campaign);
    return campaign;
  }

  protected async command(campaign: Campaign, type: "activate" | "restart" | "stop" | "end") {
    await this.operator("POST", `/v1/campaigns/${campaign.id}/${type}`);
    this.happened(campaign, { type, atMs: this.nowMs });
    await this.freeze(campaign);
  }

  protected async edit(): Promise<null> {
    const { chance, world } = this;
    const campaign = chance.oneOf(world.campaigns);
    const stage = this.stage(campaign);
    if (stage === "ended") return null;
    const before = lastSet(campaign, this.nowMs)!.settings;
    let settings = this.settings.edited(before);
    const isOpen = stage === "writing" || stage === "stopped";
    if (isOpen && chance.is(0.5)) settings = { ...settings, ...this.settings.audience() };
    if (stage === "stopped" && chance.is(0.3)) {
      const startMs = this.nowMs + (chance.below(6) - 3) * 30 * minuteMs;
      if (startMs < settings.endMs) settings = { ...settings, startMs };
    }
    const [whole, old] = [jsonOf(settings), jsonOf(before)];
    const patch = Object.fromEntries(
      Object.entries(whole).filter(([name, value]) =>
        JSON.stringify(value) !== JSON.stringify(old[name])
      ),
    );
    const path = `/v1/campaigns/${campaign.id}`;
    const { json } = await this.operator("PATCH", path, patch);
    if (Object.keys(patch).length === 0) return null;
    this.happened(campaign, { type: "set", atMs: this.nowMs, settings });
    const expected = lifeOf(campaign).revisions
      .filter((one) => one.atMs <= this.nowMs).length || 1;
    this.comparison.same(
      "contentRevision",
      expected,
      json.contentRevision,
      () => this.told({ campaign, patch }),
    );
    await this.freeze(campaign);
    return null;
  }

  protected async stopOrRestart(): Promise<null> {
    const { chance } = this;
    const stopped = this.in("stopped");
    if (stopped.length > 0 && chance.is(0.6)) {
      await this.command(chance.oneOf(stopped), "restart");
    } else {
      const active = this.in("active");
      if (active.length > 5) await this.command(chance.oneOf(active), "stop");
    }
    return null;
  }

  protected async activate(): Promise<null> {
    const { chance } = this;
    const draft = this.in("writing").find((one) =>
      lastSet(one, this.nowMs)!.settings.endMs > this.nowMs
    );
    if (draft) await this.command(draft, "activate");
    else if (this.world.campaigns.length < 16) {
      const settings = this.settings.whole();
      const endMs = Math.max(settings.endMs, this.nowMs + hourMs);
      const created = await this.create({ ...settings, endMs });
      if (chance.is(0.7)) await this.command(created, "activate");
    }
    return null;
  }

  protected async end(): Promise<null> {
    const live = this.world.campaigns.filter((one) => this.isLive(one));
    if (live.length > 5) await this.command(this.chance.oneOf(live), "end");
    return null;
  }

  protected async test(): Promise<number | null> {
    const { chance } = this;
    const drafts = this.in("writing");
    if (drafts.length === 0) return null;
    const draft = chance.oneOf(drafts);
    const devices = chance.some([...this.devices, ...this.loneDevices], 3);
    await this.operator("POST", `/v1/campaigns/${draft.id}/test-messages`, {
      deviceIds: devices,
    }, 202);
    this.happened(draft, { type: "test", atMs: this.nowMs, devices });
    return this.nowMs + dayMs - chance.below(2);
  }

  protected async changeZone(): Promise<null> {
    const zone = this.chance.oneOf([this.plan.zone, this.plan.zone, "Asia/Kathmandu"]);
    await this.operator("PATCH", "/v1/workspace", { timeZone: zone });
    this.world.zones.push({ atMs: this.nowMs, zone });
    return null;
  }

  protected async upload(audienceId: string, ids: readonly string[]): Promise<void> {
    const list = this.lists.get(audienceId)!;
    const lines = ids.map((id) => {
      const isUser = this.users.includes(id);
      const member = `${isUser ? "user" : "device"}:${id}`;
      const op = list.has(member) ? "remove" : "add";
      if (op === "add") list.add(member);
      else list.delete(member);
      return JSON.stringify({ op, ...(isUser ? { userId: id } : { deviceId: id }) });
    });
    const answer = await this.server.request("POST", `/v1/audiences/${audienceId}/members`, {
      body: lines.join("\n") + "\n",
      headers: { "content-type": "application/x-ndjson" },
    });
    assertEquals([answer.status, answer.json.size], [200, list.size], answer.text);
  }
}
