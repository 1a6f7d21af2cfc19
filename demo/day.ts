/** The day: what the marketer, the devices and the clock do, in the order of the story. */
import { drafts, kpiEvents, type Type, types } from "./campaigns.ts";
import { type Client, forAll, sleep } from "./client.ts";
import { Crowd, type Device, makeDevices, type Posted, type Report } from "./crowd.ts";
import type { Outbox } from "./outbox.ts";
import type { Random } from "./random.ts";
import type { Named } from "./reckoning.ts";
import { count, shownJson } from "./report.ts";

const leadInMs = 3_500;
/** Far away; the marketer brings it forward in the evening, so that a slow machine is no trouble. */
const runsMs = 10 * 60_000;
const pauseMs = 1_200;
const endsInMs = 1_500;
const atATime = 16;
const copyName = "Summer sale";

export interface Clients {
  readonly operator: Client;
  readonly auditor: Client;
  readonly sdk: Client;
}

export class Day {
  readonly #crowd: Crowd;
  readonly #devices: Device[] = makeDevices();
  /** Campaign ids by what they are called here: the type, or "copy". */
  readonly #ids = new Map<Type | "copy", string>();
  #posted: Posted[] = [];

  constructor(
    readonly clients: Clients,
    readonly outbox: Outbox,
    random: Random,
    readonly say: (line: string) => void,
  ) {
    this.#crowd = new Crowd(random);
  }

  get campaigns(): Named[] {
    return [...this.#ids].map(([key, id]) => ({
      id,
      name: key === "copy" ? copyName : drafts[key].name,
    }));
  }

  async play(): Promise<void> {
    await this.#writeDrafts();
    await this.#refusal();
    await this.#activate();
    const startMs = this.#posted[0]!.firstPostedMs;
    await this.#openSessions("opened the app", this.#devices);
    await this.#sameAgain(this.#devices[0]!);
    await sleep(pauseMs);
    await this.#send("morning", this.#wave(0.5, startMs, Date.now()));
    await this.#editWhilePosting();
    await sleep(pauseMs);
    await this.#send("noon", this.#wave(0.4, startMs, Date.now()));
    const stoppedMs = await this.#stopTwo();
    await this.#copy();
    await sleep(pauseMs);
    await this.#restart();
    await this.#send("afternoon", [
      ...this.#wave(0.4, startMs, Date.now()),
      ...this.#crowd.late(this.#devices, this.#of("modal_image"), stoppedMs, 120),
      ...this.#crowd.refused(this.#devices, this.#of("sticky_banner"), Date.now(), 100),
    ]);
    await this.#end();
    // Devices without a network all day: as old as can be, the very moment of posting included.
    await this.#send("evening", this.#wave(0.3, startMs, startMs + 1_500));
  }

  async #writeDrafts(): Promise<void> {
    for (const type of types) {
      const { id, status } = await this.#operate("", { type, kpiEvents, ...drafts[type] });
      this.#ids.set(type, id);
      this.say(`created ${drafts[type].name.padEnd(14)} ${type.padEnd(22)} ${status}`);
    }
  }

  async #refusal(): Promise<void> {
    const [startMs, endMs] = [Date.now() + 3_600_000, Date.now() + 7_200_000];
    await this.#schedule("sticky_banner", startMs, endMs);
    const path = `/v1/campaigns/${this.#ids.get("sticky_banner")}/activate`;
    const { status, headers, body } = await this.clients.operator.call("POST", path);
    this.say(`refused: activating a campaign for iOS, which this workspace has not set up yet`);
    console.log(`    ${status} ${headers.get("content-type")}\n${shownJson(body)}`);
    if (body.code !== "platform_not_set_up") throw new Error("the demo expected another refusal");
    const platforms = ["web", "android", "ios"];
    await this.clients.operator.ok("PATCH", "/v1/workspace", { platforms });
    this.say("set up web, android and ios");
  }

  async #activate(): Promise<void> {
    const startMs = Date.now() + leadInMs;
    for (const type of types) {
      await this.#schedule(type, startMs, startMs + runsMs);
      await this.#operate(`/${this.#ids.get(type)}/activate`);
    }
    this.say(`activated all six: they start in ${leadInMs / 1_000} s`);
    await this.#until(types, "preparing_to_publish", "posting");
    this.say("all six are being prepared");
    await this.#until(types, "posting");
    this.say("all six are posting");
    this.#posted = await Promise.all(types.map(async (type) => {
      const id = this.#ids.get(type)!;
      const { since } = await this.clients.auditor.ok("GET", `/v1/campaigns/${id}/status`);
      return { id, type, firstPostedMs: Date.parse(since) };
    }));
  }

  async #openSessions(what: string, devices: readonly Device[]): Promise<void> {
    const startedMs = performance.now();
    await forAll(devices, atATime, async (device) => {
      device.session = "";
      await this.#fetchDelivery(device);
    });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    this.say(
      `${count(devices.length)} devices ${what}: a session and delivery for each, ${seconds} s`,
    );
  }

  async #sameAgain({ platform, deviceId, session }: Device): Promise<void> {
    const path = `/v1/delivery?${new URLSearchParams({ platform, deviceId, session })}`;
    const etag = (await this.clients.sdk.call("GET", path)).headers.get("etag")!;
    const again = await this.clients.sdk.call("GET", path, undefined, { "if-none-match": etag });
    this.say(`one asks again with the ETag it was given: ${again.status}, nothing to load`);
  }

  async #fetchDelivery(device: Device): Promise<void> {
    const { platform, deviceId, userId = "", session } = device;
    const query = new URLSearchParams({ platform, deviceId });
    if (userId !== "") query.set("userId", userId);
    if (session !== "") query.set("session", session);
    const answer = await this.clients.sdk.ok("GET", `/v1/delivery?${query}`);
    device.session = answer.session;
    device.shown = new Map(
      answer.messages.map((message: { campaignId: string; revision: number }) => [
        message.campaignId,
        message.revision,
      ]),
    );
  }

  async #editWhilePosting(): Promise<void> {
    const id = this.#ids.get("modal_image_text")!;
    const edited = await this.clients.operator.ok("PATCH", `/v1/campaigns/${id}`, {
      content: { body: "Tulips at a third of the price." },
    });
    this.say(
      `edited Spring sale while posting: ${edited.status}, revision ${edited.contentRevision}`,
    );
    const [open, restarted] = [this.#devices.slice(0, 300), this.#devices.slice(300, 1_100)];
    await forAll(open, atATime, (device) => this.#fetchDelivery(device));
    const kept = open.filter(({ shown }) => shown.get(id) === 1).length;
    this.say(`${kept} of ${open.length} sessions that were open keep revision 1`);
    await this.#openSessions("restarted it", restarted);
    const fresh = restarted.filter(({ shown }) => shown.get(id) === 2).length;
    this.say(`${fresh} of ${restarted.length} that restarted the app see revision 2`);
    if (kept !== open.length || fresh !== restarted.length) throw new Error("wrong revisions");
  }

  /** Gives an instant that is surely not before the stop of the flash sale. */
  async #stopTwo(): Promise<number> {
    for (
      const [type, reason] of [["modal_image", "sold out"], [
        "fullscreen_image_text",
        "wrong price",
      ]]
    ) {
      await this.#operate(`/${this.#ids.get(type as Type)}/stop`, { reason });
      this.say(`stopped ${drafts[type as Type].name}: ${reason}`);
    }
    const query = this.#posted.map(({ id }) => `campaignId=${id}`).join("&");
    const { active } = await this.clients.sdk.ok("GET", `/v1/delivery/status?${query}`);
    this.say(`status check of the SDKs: ${active.length} of 6 may still be shown`);
    return Date.now();
  }

  async #copy(): Promise<void> {
    const path = `/${this.#ids.get("modal_image_text")}/copy`;
    const copy = await this.#operate(path, { name: copyName });
    this.#ids.set("copy", copy.id);
    this.say(`copied Spring sale to ${copy.name}: ${copy.status}, without its KPIs`);
  }

  async #restart(): Promise<void> {
    const id = this.#ids.get("fullscreen_image_text")!;
    const { status } = await this.#operate(`/${id}/restart`);
    this.say(`restarted Lookbook: ${status}; its KPIs go on`);
  }

  async #end(): Promise<void> {
    await this.#until(["modal_image_text"], "posting");
    this.say("Spring sale: the modifications are reflected, it is posting again");
    await this.#operate(`/${this.#ids.get("modal_text")}/end`);
    const endMs = Date.now() + endsInMs;
    for (const type of types) {
      if (type === "modal_text") continue;
      const endAt = new Date(endMs).toISOString();
      const path = `/v1/campaigns/${this.#ids.get(type)}`;
      await this.clients.operator.ok("PATCH", path, { schedule: { endAt } });
    }
    this.say(`ended New terms by hand; the others are to end in ${endsInMs / 1_000} s`);
    await this.#until(types, "ended");
    this.say("all six have ended, the stopped one too");
  }

  #wave(share: number, fromMs: number, toMs: number): Report[] {
    return this.#crowd.wave(this.#devices, this.#posted, { share, fromMs, toMs });
  }

  async #send(name: string, reports: readonly Report[]): Promise<void> {
    this.say(`${name}: ${await this.outbox.send(reports)}`);
  }

  #of(type: Type): Posted {
    return this.#posted.find((one) => one.type === type)!;
  }

  #operate(path: string, body?: unknown) {
    return this.clients.operator.ok("POST", `/v1/campaigns${path}`, body);
  }

  async #schedule(type: Type, startMs: number, endMs: number): Promise<void> {
    const schedule = {
      startAt: new Date(startMs).toISOString(),
      endAt: new Date(endMs).toISOString(),
    };
    await this.clients.operator.ok("PATCH", `/v1/campaigns/${this.#ids.get(type)}`, { schedule });
  }

  /** Looks until each of them has one of the statuses. */
  async #until(wanted: readonly Type[], ...statuses: readonly string[]): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const query = statuses.map((status) => `status=${status}`).join("&");
      const { items } = await this.clients.auditor.ok("GET", `/v1/campaigns?${query}&limit=200`);
      const ids = new Set(items.map(({ id }: { id: string }) => id));
      if (wanted.every((type) => ids.has(this.#ids.get(type)))) return;
      await sleep(50);
    }
    throw new Error(`${wanted} did not come to ${statuses} within 30 s`);
  }
}
