/** Real processes, killed at any moment: what was acknowledged stays, and nothing happens twice. */
import { assert, assertEquals } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { minimal } from "../events/settings_examples.ts";
import { range } from "../event_store/counters.ts";
import { denokvEngine, seed } from "../support/engines.ts";
import { mulberry32 } from "../support/faulty_kv.ts";
import {
  type CallOptions,
  expected,
  type ProcessAnswer,
  ServerProcess,
  sleep,
  until,
  withFolder,
} from "../support/process.ts";

const dayMs = 24 * 60 * 60 * 1000;
const leadMs = 1_000;
const reflectMs = 2_000;

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function settings(name: string, startMs: number, endMs: number): Record<string, unknown> {
  const schedule = { startAt: instant(startMs), endAt: instant(endMs) };
  return { ...minimal.modal_text, name, schedule };
}

/** Settings that post at once. */
function postingSettings(name: string): Record<string, unknown> {
  return settings(name, Date.now() - 60_000, Date.now() + 7 * dayMs);
}

async function assertSound(address: string): Promise<void> {
  const kv = await Deno.openKv(address);
  try {
    const creates = Object.values(mountedModels(kv)).map(({ create }) => create);
    assertEquals((await fsck(kv, creates)).faults, []);
  } finally {
    kv.close();
  }
}

/** A server that is killed and started again; its clients try until they are answered. */
class Revived {
  #server: ServerProcess | null = null;
  #up = Promise.withResolvers<void>();
  over = false;
  /** Nobody will start it again. */
  abandoned = false;
  kills = 0;
  unanswered = 0;

  constructor(readonly options: { kv: string; env?: Record<string, string> }) {}

  get server(): ServerProcess {
    return this.#server!;
  }

  async start(): Promise<void> {
    this.#server = ServerProcess.spawn(this.options);
    await this.#server.listening;
    this.#up.resolve();
  }

  /** Starts it and kills it before it listens. */
  async startInVain(afterMs: number): Promise<void> {
    const server = ServerProcess.spawn(this.options);
    await Promise.race([sleep(afterMs), server.listening.catch(() => {})]);
    await server.kill();
    this.kills++;
  }

  /** Ends everything after a failure, waiting clients included. */
  async abandon(): Promise<void> {
    this.abandoned = true;
    await this.#server!.kill();
    this.#up.resolve();
  }

  async kill(): Promise<void> {
    this.#up = Promise.withResolvers();
    await this.#server!.kill();
    this.kills++;
  }

  /** The same request again and again, until there is an answer that is no 503. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<ProcessAnswer> {
    for (;;) {
      await this.#up.promise;
      if (this.abandoned) throw new Error("the server was given up");
      try {
        const answer = await this.#server!.call(method, path, options);
        if (answer.status !== 503) return answer;
        await sleep(20);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        this.unanswered++;
        await sleep(5);
      }
    }
  }

  expect(
    status: number,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<ProcessAnswer> {
    return expected(this, status, method, path, options);
  }
}

/** What one client knows of its campaign. */
interface Journal {
  readonly name: string;
  id: string;
  version: number;
  readonly descriptions: string[];
}

const keyed = (key: string): { headers: Record<string, string> } => ({
  headers: { "idempotency-key": key },
});

/** Creates campaigns and leads each through its life, with a key for every command. */
async function commander(
  revived: Revived,
  client: number,
  random: () => number,
  journals: Journal[],
): Promise<void> {
  let nth = 0;
  const key = () => `c${client}-${++nth}`;
  while (!revived.over) {
    const name = `Campaign ${client}-${nth}`;
    const create = { body: postingSettings(name), ...keyed(key()) };
    const created = await revived.expect(201, "POST", "/v1/campaigns", create);
    const journal: Journal = { name, id: created.json.id, version: 1, descriptions: [] };
    journals.push(journal);
    const path = `/v1/campaigns/${journal.id}`;
    const noteVersion = ({ json }: ProcessAnswer) => {
      assert(json.version > journal.version, `${name}: ${json.version} ≤ ${journal.version}`);
      journal.version = json.version;
    };
    const edit = async () => {
      const description = `edit ${journal.descriptions.length} of ${name}`;
      const options = { body: { description }, ...keyed(key()) };
      noteVersion(await revived.expect(200, "PATCH", path, options));
      journal.descriptions.push(description);
    };
    const act = async (action: string) =>
      noteVersion(await revived.expect(200, "POST", `${path}/${action}`, keyed(key())));
    const read = async () => {
      const { json } = await revived.expect(200, "GET", path);
      assert(json.version >= journal.version, `${name} went back to ${json.version}`);
    };
    await edit();
    await act("activate");
    for (let round = Math.floor(random() * 4); round > 0 && !revived.over; round--) {
      await edit();
      await read();
      await act("stop");
      await read();
      await act("restart");
    }
    await act(random() < 0.5 ? "stop" : "end");
  }
}

/** What the clients that report interactions know. */
interface Sent {
  /** Distinct ids by kind, those that are on their way included. */
  readonly impressions: Set<string>;
  readonly clicks: Set<string>;
  readonly devices: Set<string>;
  acknowledged: number;
}

/** Reports interactions, some of them again, some requests with an idempotency key. */
async function reporter(
  revived: Revived,
  client: number,
  random: () => number,
  campaignId: string,
  sent: Sent,
): Promise<void> {
  let earlier: Record<string, unknown>[] = [];
  for (let nth = 0; !revived.over; nth++) {
    const fresh = range(1 + Math.floor(random() * 20)).map((item) => {
      const id = `i${client}-${nth}-${item}`;
      const kind = random() < 0.3 ? "click" : "impression";
      const deviceId = `d${Math.floor(random() * 500)}`;
      (kind === "click" ? sent.clicks : sent.impressions).add(id);
      if (kind === "impression") sent.devices.add(deviceId);
      const userId = random() < 0.5 ? { userId: `u${Math.floor(random() * 100)}` } : {};
      const occurredAt = instant(Date.now());
      return { id, kind, campaignId, platform: "web", deviceId, ...userId, occurredAt };
    });
    // Some that were acknowledged before are reported again.
    const interactions = [...fresh, ...earlier.filter(() => random() < 0.2)];
    const options = { role: "sdk", body: { interactions } } as const;
    const withKey = random() < 0.5 ? keyed(`r${client}-${nth}`) : {};
    const answer = await revived.expect(202, "POST", "/v1/interactions", {
      ...options,
      ...withKey,
    });
    assertEquals(answer.json.accepted, interactions.length, answer.text);
    sent.acknowledged += fresh.length;
    earlier = fresh;
  }
}

/** Reads totals: nothing acknowledged may be missing, nothing may be there that was not sent. */
async function reader(revived: Revived, campaignId: string, sent: Sent): Promise<void> {
  while (!revived.over) {
    const acknowledged = sent.acknowledged;
    const { json } = await revived.expect(200, "GET", `/v1/campaigns/${campaignId}/kpi`);
    const total = json.totalImpressions + json.totalClicks;
    assert(total >= acknowledged, `${total} counted, ${acknowledged} acknowledged`);
    const all = sent.impressions.size + sent.clicks.size;
    assert(total <= all, `${total} counted, ${all} sent`);
    await sleep(20);
  }
}

Deno.test(`killed again and again: what was acknowledged stays, once [seed ${seed}]`, async () => {
  const random = mulberry32(seed);
  const killsWanted = 55;
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    const revived = new Revived({ kv, env: { PLACARD_ACTIVE_LIMIT: "100" } });
    await revived.start();
    const body = postingSettings("Counted");
    const counted = (await revived.expect(201, "POST", "/v1/campaigns", { body })).json.id;
    await revived.expect(200, "POST", `/v1/campaigns/${counted}/activate`);
    const journals: Journal[] = [];
    const sent: Sent = {
      impressions: new Set(),
      clicks: new Set(),
      devices: new Set(),
      acknowledged: 0,
    };
    const clients = [
      ...range(5).map((client) =>
        commander(revived, client, mulberry32(seed + client + 1), journals)
      ),
      ...range(4).map((client) =>
        reporter(revived, client, mulberry32(seed + client + 100), counted, sent)
      ),
      reader(revived, counted, sent),
    ];
    const killing = async () => {
      while (revived.kills < killsWanted) {
        await sleep(random() * 300);
        await revived.kill();
        if (revived.kills % 20 === 0) await assertSound(kv);
        if (random() < 0.2) await revived.startInVain(random() * 400);
        await revived.start();
      }
      await sleep(200);
    };
    try {
      // The first that fails ends all.
      await Promise.race([killing(), ...clients]);
    } catch (error) {
      await revived.abandon();
      await Promise.allSettled(clients);
      throw error;
    }
    revived.over = true;
    await Promise.all(clients);
    await assertCounted(revived, counted, sent);
    await assertOnce(revived, journals);
    await revived.server.stop();
    assertEquals(/bug:/.test(revived.server.output), false, revived.server.output);
    await assertSound(kv);
    console.log(
      `${revived.kills} kills, ${revived.unanswered} requests unanswered, ` +
        `${journals.length} campaigns, ${sent.acknowledged} interactions`,
    );
    assert(revived.unanswered > killsWanted / 2, "the load was too small to be hurt");
  });
});

async function assertCounted(revived: Revived, campaignId: string, sent: Sent): Promise<void> {
  const { json } = await revived.expect(200, "GET", `/v1/campaigns/${campaignId}/kpi`);
  assertEquals(sent.acknowledged, sent.impressions.size + sent.clicks.size);
  assertEquals(json.totalImpressions, sent.impressions.size);
  assertEquals(json.totalClicks, sent.clicks.size);
  assertEquals(json.uniqueImpressions, sent.devices.size);
  assertEquals(json.late, 0);
}

/** Every keyed command happened exactly once. */
async function assertOnce(revived: Revived, journals: readonly Journal[]): Promise<void> {
  const byName = new Map<string, string[]>();
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { json } = await revived.expect(200, "GET", `/v1/campaigns?limit=200${next}`);
    for (const { name, id } of json.items) byName.set(name, [...byName.get(name) ?? [], id]);
    cursor = json.nextCursor;
  } while (cursor !== null);
  for (const { name, id, version, descriptions } of journals) {
    assertEquals(byName.get(name), [id], `${name} was created more or less than once`);
    byName.delete(name);
    const got = (await revived.expect(200, "GET", `/v1/campaigns/${id}`)).json;
    assert(got.version >= version, `${name}: ${got.version} < ${version}`);
    const { items } =
      (await revived.expect(200, "GET", `/v1/campaigns/${id}/history?limit=200`)).json;
    const edits = items
      .flatMap(({ changes }: { changes: { path: string; to: unknown }[] }) => changes)
      .filter(({ path, to }: { path: string; to: unknown }) => path === "/description" && to)
      .map(({ to }: { to: unknown }) => to);
    assertEquals(edits, descriptions, `edits of ${name}`);
  }
  assertEquals([...byName.keys()], ["Counted"]);
}

/** [status, at] of a campaign's timeline. */
async function timelineOf(server: ServerProcess, id: string): Promise<[string, string][]> {
  const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/status`);
  return json.timeline.map(({ status, at }: { status: string; at: string }) => [status, at]);
}

Deno.test("what becomes due while it is dead is recorded at its own instant, in order", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    const env = { PLACARD_REFLECT_WINDOW: "PT2S" };
    let server = await ServerProcess.start({ kv, env });
    try {
      const baseMs = Date.now();
      const startMs = baseMs + 3_500, endMs = baseMs + 7_500;
      const make = async (name: string, fromMs: number, toMs: number) => {
        const body = settings(name, fromMs, toMs);
        const { json } = await server.expect(201, "POST", "/v1/campaigns", { body });
        await server.expect(200, "POST", `/v1/campaigns/${json.id}/activate`);
        return json.id as string;
      };
      // Waiting: several with their boundaries at instants of their own.
      const waiting: string[] = [];
      for (const nth of range(5)) {
        waiting.push(await make(`Waiting ${nth}`, startMs + nth * 7, endMs + nth * 7));
      }
      const reflecting = await make("Reflecting", baseMs - 1_000, endMs);
      const stopped = await make("Stopped", baseMs - 1_000, endMs + 3);
      const body = { content: { title: "Edited" } };
      await server.expect(200, "PATCH", `/v1/campaigns/${reflecting}`, { body });
      await server.expect(200, "POST", `/v1/campaigns/${stopped}/stop`);
      const asLeft = new Map<string, [string, string][]>();
      for (const id of [...waiting, reflecting, stopped]) {
        asLeft.set(id, await timelineOf(server, id));
      }
      await server.kill();
      assertEquals(asLeft.get(waiting[0]!)!.at(-1)![0], "waiting_to_post");
      const [edited, editedAt] = asLeft.get(reflecting)!.at(-1)!;
      assertEquals(edited, "posting_reflecting_modifications");

      const startedOf = (nth: number): [string, string][] => [
        ["preparing_to_publish", instant(startMs + nth * 7 - leadMs)],
        ["posting", instant(startMs + nth * 7)],
      ];
      const reflected: [string, string] = ["posting", instant(Date.parse(editedAt) + reflectMs)];
      // After the start, before the end.
      await sleep(startMs + 100 - Date.now());
      server = await ServerProcess.start({ kv, env });
      for (const [nth, id] of waiting.entries()) {
        assertEquals(await timelineOf(server, id), [...asLeft.get(id)!, ...startedOf(nth)]);
      }
      assertEquals(await timelineOf(server, reflecting), [...asLeft.get(reflecting)!, reflected]);
      await server.kill();
      assert(Date.now() < endMs, "the machine was too slow for this test");
      // After the end.
      await sleep(endMs + 100 - Date.now());
      server = await ServerProcess.start({ kv, env });
      for (const [nth, id] of waiting.entries()) {
        const ended: [string, string] = ["ended", instant(endMs + nth * 7)];
        assertEquals(await timelineOf(server, id), [
          ...asLeft.get(id)!,
          ...startedOf(nth),
          ended,
        ]);
      }
      assertEquals(await timelineOf(server, reflecting), [
        ...asLeft.get(reflecting)!,
        reflected,
        ["ended", instant(endMs)],
      ]);
      assertEquals(await timelineOf(server, stopped), [
        ...asLeft.get(stopped)!,
        ["ended", instant(endMs + 3)],
      ]);
    } finally {
      await server.kill();
    }
    await assertSound(kv);
  });
});

Deno.test("a whole life passes while it is dead", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    let server = await ServerProcess.start({ kv });
    try {
      const startMs = Date.now() + 2_000, endMs = startMs + 300;
      const ids: string[] = [];
      for (const nth of range(3)) {
        const body = settings(`Short ${nth}`, startMs + nth, endMs + nth);
        const { json } = await server.expect(201, "POST", "/v1/campaigns", { body });
        await server.expect(200, "POST", `/v1/campaigns/${json.id}/activate`);
        ids.push(json.id);
      }
      await server.kill();
      await sleep(endMs + 50 - Date.now());
      server = await ServerProcess.start({ kv });
      for (const [nth, id] of ids.entries()) {
        const timeline = await timelineOf(server, id);
        assertEquals(timeline.map(([status]) => status), [
          "writing",
          "waiting_to_post",
          "preparing_to_publish",
          "posting",
          "ended",
        ]);
        assertEquals(timeline.slice(-3).map(([, at]) => at), [
          instant(startMs + nth - leadMs),
          instant(startMs + nth),
          instant(endMs + nth),
        ]);
      }
    } finally {
      await server.kill();
    }
    await assertSound(kv);
  });
});

/** Sends a request and cuts the connection when `cut` resolves, whatever was answered. */
async function sendAndCut(
  server: ServerProcess,
  request: string,
  cut: () => Promise<unknown>,
): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const bytes = new TextEncoder().encode(request);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  await cut();
  connection.close();
}

Deno.test("a reply lost after the commit: the retry gets the first answer", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    const server = await ServerProcess.start({ kv });
    try {
      const operator = "operator-key-of-the-crash-tests-0123456789";
      const raw = (method: string, path: string, key: string, body: unknown) => {
        const text = JSON.stringify(body);
        return [
          `${method} ${path} HTTP/1.1`,
          "host: 127.0.0.1",
          `authorization: Bearer ${operator}`,
          "content-type: application/json",
          `idempotency-key: ${key}`,
          `content-length: ${new TextEncoder().encode(text).length}`,
          "",
          text,
        ].join("\r\n");
      };
      const listed = async (name: string) => {
        const path = `/v1/campaigns?q=${encodeURIComponent(name)}`;
        return (await server.expect(200, "GET", path)).json.items;
      };
      for (const nth of range(20)) {
        const body = postingSettings(`Cut ${nth}.`);
        const request = raw("POST", "/v1/campaigns", `create-${nth}`, body);
        // Some are cut when the commit is certain, the others at any moment.
        const committed = () =>
          until("the commit", async () => (await listed(`Cut ${nth}.`)).length === 1);
        await sendAndCut(server, request, nth < 5 ? committed : () => sleep(nth % 5));
        const options = { body, ...keyed(`create-${nth}`) };
        const first = await server.expect(201, "POST", "/v1/campaigns", options);
        const again = await server.expect(201, "POST", "/v1/campaigns", options);
        assertEquals([again.text, again.position], [first.text, first.position]);
        assertEquals((await listed(`Cut ${nth}.`)).map(({ id }: { id: string }) => id), [
          first.json.id,
        ]);
        const path = `/v1/campaigns/${first.json.id}`;
        const edit = { description: "cut" };
        await sendAndCut(server, raw("PATCH", path, "edit", edit), () => sleep(nth % 5));
        const edited = await server.expect(200, "PATCH", path, { body: edit, ...keyed("edit") });
        assertEquals(edited.json.version, 2);
        const { items } = (await server.expect(200, "GET", `${path}/history`)).json;
        assertEquals(items.length, 2);
      }
      // A request that breaks off in its middle is nobody's bug.
      for (const nth of range(3)) {
        const body = postingSettings("Broken");
        const request = raw("POST", "/v1/campaigns", `broken-${nth}`, body);
        await sendAndCut(server, request.slice(0, -40), () => sleep(nth * 10));
      }
      assertEquals(await listed("Broken"), []);
      await server.stop();
      assertEquals(/bug:/.test(server.output), false, server.output);
    } finally {
      await server.kill();
    }
    await assertSound(kv);
  });
});

Deno.test({
  name: "two processes over one denokv server",
  ignore: denokvEngine.ignore,
  fn: async () => {
    const store = await denokvEngine.open();
    const servers: ServerProcess[] = [];
    try {
      const kv = store.address!;
      servers.push(await ServerProcess.start({ kv }));
      servers.push(await ServerProcess.start({ kv }));
      await checkTwo(servers[0]!, servers[1]!);
      for (const server of servers) await server.stop();
      for (const { output } of servers) assertEquals(/bug:/.test(output), false, output);
      await assertSound(kv);
    } finally {
      for (const server of servers) await server.kill();
      await store.close();
    }
  },
});

async function checkTwo(one: ServerProcess, two: ServerProcess): Promise<void> {
  // The active limit holds over both.
  const ids: string[] = [];
  await Promise.all(
    range(60).map(async (nth) => {
      const body = postingSettings(`Draft ${nth}`);
      const server = nth % 2 === 0 ? one : two;
      ids.push((await server.expect(201, "POST", "/v1/campaigns", { body })).json.id);
    }),
  );
  const answers = await Promise.all(ids.map(async (id, nth) => {
    const server = nth % 3 === 0 ? one : two;
    return await server.call("POST", `/v1/campaigns/${id}/activate`);
  }));
  const codes = answers.map(({ status, json }) => status === 200 ? "200" : json.code);
  assertEquals(codes.filter((code) => code === "200").length, 30, codes.join());
  assertEquals(codes.filter((code) => code === "active_limit_reached").length, 30);
  for (const server of [one, two]) {
    // The other instance may be a moment behind without `after`.
    const after = answers.map(({ position }) => position).sort().at(-1)!;
    const { json } = await server.expect(200, "GET", `/v1/campaigns?after=${after}`);
    assertEquals(json.activeCount, 30);
  }
  const [posting, ...others] = ids.filter((_, nth) => answers[nth]!.status === 200);

  // What one has answered, the other shows to whoever asks for it.
  for (const nth of range(20)) {
    const [writer, other] = nth % 2 === 0 ? [one, two] : [two, one];
    const path = `/v1/campaigns/${posting}`;
    const description = `edit ${nth}`;
    const edited = await writer!.expect(200, "PATCH", path, { body: { description } });
    const read = await other!.expect(200, "GET", `${path}?after=${edited.position}`);
    assertEquals(read.json.description, description);
    assertEquals(read.json.version >= edited.json.version, true);
  }

  // The same interactions to both.
  const interactions = range(300).map((nth) => ({
    id: `same-${nth}`,
    kind: nth % 3 === 0 ? "click" : "impression",
    campaignId: posting,
    platform: "web",
    deviceId: `d${nth % 50}`,
    occurredAt: instant(Date.now()),
  }));
  const sent = await Promise.all(
    range(10).map((nth) => {
      const body = { interactions: interactions.slice(nth * 20, nth * 20 + 120) };
      const both = [one, two].map((server) =>
        server.expect(202, "POST", "/v1/interactions", { role: "sdk", body })
      );
      return Promise.all(both);
    }),
  );
  const last = sent.flat().map(({ position }) => position).sort().at(-1)!;
  for (const server of [one, two]) {
    const path = `/v1/campaigns/${posting}/kpi?after=${last}`;
    const { json } = await server.expect(200, "GET", path);
    assertEquals([json.totalImpressions, json.totalClicks], [200, 100]);
    assertEquals([json.uniqueImpressions, json.uniqueClicks], [50, 50]);
  }

  // Both see a boundary come, one records it.
  for (const id of others) await one.expect(200, "POST", `/v1/campaigns/${id}/end`);
  const startMs = Date.now() + 1_500;
  const due = await Promise.all(
    range(10).map(async (nth) => {
      const server = nth % 2 === 0 ? one : two;
      const body = settings(`Due ${nth}`, startMs, startMs + 600);
      const { json } = await server.expect(201, "POST", "/v1/campaigns", { body });
      const activated = await server.expect(200, "POST", `/v1/campaigns/${json.id}/activate`);
      // The other one need not have read of it yet.
      for (const each of [one, two]) {
        const path = `/v1/campaigns/${json.id}/status?after=${activated.position}`;
        await each.expect(200, "GET", path);
      }
      return json.id as string;
    }),
  );
  for (const server of [one, two]) {
    await until("the end", async () => {
      const timelines = await Promise.all(due.map((id) => timelineOf(server, id)));
      return timelines.every((timeline) => timeline.at(-1)![0] === "ended");
    });
    for (const id of due) {
      const { items } = (await server.expect(200, "GET", `/v1/campaigns/${id}/history`)).json;
      const types = items.map(({ type }: { type: string }) => type);
      assertEquals(types.filter((type: string) => type !== "audience_frozen"), [
        "campaign_created",
        "campaign_activated",
        "campaign_preparing",
        "campaign_posted",
        "campaign_ended",
      ]);
      assertEquals(types.length, new Set(types).size);
      const at = (await timelineOf(server, id)).slice(-3).map(([, when]) => when);
      assertEquals(at, [startMs - leadMs, startMs, startMs + 600].map(instant));
    }
  }
}

if (denokvEngine.ignore) console.log("skipped: two processes, because denokv is not installed");

const hasPrlimit = await new Deno.Command("prlimit", { args: ["--version"], stdout: "null" })
  .output().then(({ success }) => success, () => false);
if (!hasPrlimit) console.log("skipped: full disk, because there is no prlimit");

Deno.test({
  name: "a full disk: 503 with Retry-After, nothing half stored, and it goes on with room",
  ignore: !hasPrlimit,
  fn: () =>
    withFolder(async (folder) => {
      const kv = `${folder}/placard.kv`;
      // No file may grow beyond this; a write beyond it fails instead of killing the process.
      const wrap = (command: string, args: readonly string[]): [string, string[]] => [
        "sh",
        ["-c", `trap '' XFSZ; exec "$0" "$@"`, command, ...args],
      ];
      const server = await ServerProcess.start({ kv, wrap });
      try {
        const body = postingSettings("Counted");
        const counted = (await server.expect(201, "POST", "/v1/campaigns", { body })).json.id;
        await server.expect(200, "POST", `/v1/campaigns/${counted}/activate`);
        await limitFiles(server, `${await largestFile(folder) + 40_000}`);
        const create = (nth: number) =>
          server.call("POST", "/v1/campaigns", {
            body: { ...body, name: `Full ${nth}`, description: "x".repeat(400) },
            ...keyed(`full-${nth}`),
          });
        const interact = (nth: number) =>
          server.call("POST", "/v1/interactions", {
            role: "sdk",
            body: {
              interactions: [{
                id: `i${nth}`,
                kind: "impression",
                campaignId: counted,
                platform: "web",
                deviceId: `d${nth}`,
                occurredAt: instant(Date.now()),
              }],
            },
          });
        let rounds = 0;
        for (let full = false; !full; rounds++) {
          assert(rounds < 200, "the limit does nothing");
          const answers = await Promise.all([create(rounds), interact(rounds)]);
          for (const { status, json, headers } of answers) {
            if (status === 201 || status === 202) continue;
            assertEquals([status, json.code], [503, "store_unavailable"]);
            assert(Number(headers.get("retry-after")) > 0);
            full = true;
          }
        }
        assertEquals((await server.call("GET", "/healthz")).status, 200);
        const items = async () =>
          (await server.expect(200, "GET", "/v1/campaigns?limit=200")).json.items.length;
        const before = await items();
        assert(before === rounds || before === rounds + 1, `${before} after ${rounds} rounds`);
        await limitFiles(server, "unlimited");
        // All is sent again, and more: what was refused is there once.
        for (const nth of range(rounds + 5)) {
          assertEquals((await create(nth)).status, 201);
          assertEquals((await interact(nth)).status, 202);
        }
        assertEquals(await items(), rounds + 5 + 1);
        const kpi = await server.expect(200, "GET", `/v1/campaigns/${counted}/kpi`);
        assertEquals(kpi.json.totalImpressions, rounds + 5);
        await server.stop();
      } finally {
        await server.kill();
      }
      await assertSound(kv);
    }),
});

async function limitFiles(server: ServerProcess, bytes: string): Promise<void> {
  const args = ["--pid", String(server.child.pid), `--fsize=${bytes}:unlimited`];
  const { success, stderr } = await new Deno.Command("prlimit", { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

async function largestFile(folder: string): Promise<number> {
  let largest = 0;
  for await (const { name } of Deno.readDir(folder)) {
    largest = Math.max(largest, (await Deno.stat(`${folder}/${name}`)).size);
  }
  return largest;
}
