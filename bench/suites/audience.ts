/**
 * Audiences: a million profiles, how long a snapshot by rule takes and what it costs in memory, and
 * what delivery loses while an audience is calculated.
 */
import { Members } from "../../src/snapshots/members.ts";
import { compare } from "../compare.ts";
import { under } from "../load/load.ts";
import { operatorKey, residentKb, sdkKey, type ServerProcess, startPlacard } from "../process.ts";
import { request } from "../requests.ts";
import type { Contender, Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";

const userCount = Number(Deno.env.get("BENCH_USERS") ?? 1_000_000);
const warmMs = 8_000;
const linesPerUpload = 100_000;
const connections = 64;
const deviceCount = 100_000;
const meanwhile = "delivery while an audience is calculated";
const undisturbed = "delivery, nothing else";
const cities = ["Seoul", "Busan", "Oslo", "Lagos", "Lima", "Pune", "Turin", "Osaka"];
const plans = ["free", "plus", "pro"];

/** A third of a million fits it. */
const rule = {
  and: [
    { ">=": [{ var: "user.age" }, 30] },
    {
      or: [{ "==": [{ var: "user.plan" }, "pro"] }, {
        in: [{ var: "user.city" }, cities.slice(4)],
      }],
    },
  ],
};

export const audienceSuite: Suite = {
  name: "audience",

  async run() {
    const folder = await Deno.makeTempDir();
    const facts = new Facts();
    let placard = await startPlacard(folder);
    try {
      await createCampaigns(placard.port, 29, { activate: true });
      await facts.time("profiles written", () => upload(placard));
      await facts.memory("resident at most while they were written", placard, "VmHWM");
      await placard.stop();
      placard = await startPlacard(folder);
      // The register goes to memory meanwhile.
      await new Promise((done) => setTimeout(done, warmMs));
      await facts.memory("resident after a restart", placard, "VmRSS");
      for (const round of [1, 2, 3]) {
        await facts.time(`snapshot by rule, ${round}`, () => snapshot(placard, round));
      }
      await facts.memory("resident at most meanwhile", placard, "VmHWM");
      facts.add("membership", membershipNs(), "ns");
      const listed = await call(placard, "POST", "/v1/audiences", { name: "L", kind: "list" });
      const members = `/v1/audiences/${listed.id}/members`;
      await facts.time("list of new devices uploaded", () => uploadList(placard, members));
      await facts.memory("resident at most then", placard, "VmHWM");
      return `${facts.text}\n\n${await compared(placard)}`;
    } finally {
      await placard.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** Delivery alone, and while an audience is calculated. */
function compared(placard: ServerProcess): Promise<string> {
  const path = (device: number) => `/v1/delivery?platform=web&deviceId=device-${device}`;
  const requests = Array.from(
    { length: deviceCount },
    (_, device) => request("GET", path(device), { key: sdkKey }),
  );
  const alone = under({ port: placard.port, connections, requests });
  const contenders: Contender[] = [
    {
      name: meanwhile,
      role: "ours",
      measure: async (seconds) => {
        let ready = false;
        const calculated = call(placard, "POST", "/v1/audiences/preview", { rule })
          .then(() => ready = true);
        const measured = await alone(seconds);
        if (ready) console.error("the audience was ready before the measurement ended");
        await calculated;
        return measured;
      },
    },
    { name: undisturbed, role: "limit", measure: alone },
  ];
  const marks = [{ ours: meanwhile, to: undisturbed, least: 0.5 }];
  return compare({ unit: "requests of delivery", contenders, marks });
}

async function upload(placard: ServerProcess): Promise<void> {
  for (let from = 0; from < userCount; from += linesPerUpload) {
    let lines = "";
    for (let user = from; user < Math.min(userCount, from + linesPerUpload); user++) {
      lines += JSON.stringify({
        userId: `user-${user}`,
        attributes: {
          age: user % 90,
          city: cities[user % cities.length],
          plan: plans[user % plans.length],
          firstName: `Name ${user}`,
          tags: [`t${user % 11}`, `t${user % 13}`],
        },
      }) + "\n";
    }
    await call(placard, "POST", "/v1/users/batch", lines);
  }
}

/** In one request, streamed. */
async function uploadList({ port }: ServerProcess, path: string): Promise<void> {
  const encoder = new TextEncoder();
  let next = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (next === userCount) return controller.close();
      let lines = "";
      for (const end = Math.min(userCount, next + 2_000); next < end; next++) {
        lines += `{"op":"add","deviceId":"phone-${(next * 2_654_435_761) % 2 ** 32}-${next}"}\n`;
      }
      controller.enqueue(encoder.encode(lines));
    },
  });
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${operatorKey}`, "content-type": "application/x-ndjson" },
    body,
  });
  const { size } = await answer.json();
  if (size !== userCount) throw new Error(`the list has ${size} members`);
}

async function snapshot(placard: ServerProcess, round: number): Promise<void> {
  const audience = await call(placard, "POST", "/v1/audiences", { name: "A", kind: "rule", rule });
  const campaign = await call(placard, "POST", "/v1/campaigns", {
    name: `For ${round}`,
    type: "modal_text",
    platforms: ["web"],
    content: { title: "Hello" },
    audience: { kind: "audience", audienceId: audience.id },
    schedule: {
      startAt: new Date(Date.now() - 60_000).toISOString(),
      endAt: new Date(Date.now() + 86_400_000).toISOString(),
    },
  });
  await call(placard, "POST", `/v1/campaigns/${campaign.id}/activate`);
  for (;;) {
    const { snapshot } = await call(placard, "GET", `/v1/campaigns/${campaign.id}/audience`);
    if (snapshot) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  await call(placard, "POST", `/v1/campaigns/${campaign.id}/stop`);
}

async function call(
  { port }: ServerProcess,
  method: string,
  path: string,
  body?: unknown,
  // deno-lint-ignore no-explicit-any -- what the suite looks into
): Promise<any> {
  const lines = typeof body === "string";
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${operatorKey}`,
      "content-type": lines ? "application/x-ndjson" : "application/json",
    },
    ...(body === undefined ? {} : { body: lines ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} → ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** One question, of a million, a third of them members. */
function membershipNs(): number {
  const members = new Members();
  for (let user = 1; user <= userCount; user += 3) members.add("user", user);
  let found = 0;
  const beganAtMs = performance.now();
  for (let user = 1; user <= userCount; user++) if (members.has("user", user)) found++;
  const tookMs = performance.now() - beganAtMs;
  if (found !== members.size) throw new Error("membership is wrong");
  return tookMs * 1e6 / userCount;
}

class Facts {
  readonly #lines: string[] = [];

  get text(): string {
    return this.#lines.join("\n");
  }

  add(what: string, value: number, unit: string): void {
    this.#lines.push(`- ${what}: ${value.toFixed(unit === "s" ? 1 : 0)} ${unit}`);
  }

  async time(what: string, work: () => Promise<void>): Promise<void> {
    const beganAtMs = performance.now();
    await work();
    this.add(what, (performance.now() - beganAtMs) / 1000, "s");
  }

  async memory(what: string, { pid }: ServerProcess, field: "VmRSS" | "VmHWM"): Promise<void> {
    this.add(what, await residentKb(pid, field) / 1024, "MiB");
  }
}
