/**
 * `deno task demo`: a server in memory, served on a free port of this machine, and a campaign's day
 * played through HTTP in real time. Everything is counted twice; exit code 1 when the counts differ.
 */
import { openPlacard } from "../src/placard.ts";
import { Client } from "./client.ts";
import { Day } from "./day.ts";
import { Outbox } from "./outbox.ts";
import { Random } from "./random.ts";
import { reckon } from "./reckoning.ts";

const seed = Number(Deno.args[0] ?? 2_026);
const prepareLeadMs = 2_000;
const reflectWindowMs = 2_500;

const startedMs = performance.now();
function say(line: string): void {
  console.log(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(4)} s] ${line}`);
}

console.log(`Placard: a campaign's day. Seed ${seed}; another: deno task demo 7

Shortened: a campaign is prepared 2 s before it starts (else 1 h), modifications are reflected
after 2.5 s (else 10 min), and it runs for seconds (else days). The clock is the real one.
`);

const kv = await Deno.openKv(":memory:");
const placard = await openPlacard({
  kv,
  presetKeys: {},
  prepareLeadMs,
  reflectWindowMs,
  activeLimit: 30,
  timeZone: "UTC",
  nowMs: Date.now,
  newId: () => crypto.randomUUID().replaceAll("-", ""),
  newSecret: () => crypto.getRandomValues(new Uint8Array(32)).toHex(),
  onBug: (error, request) => console.error(`bug: ${request.method} ${request.url}:`, error),
});
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  placard.app.fetch,
);
const origin = `http://127.0.0.1:${server.addr.port}`;
say(`listening on ${origin}, the store is in memory`);

let agrees = false;
try {
  const { operator, auditor, sdk } = placard.newKeys;
  const clients = {
    operator: new Client(origin, operator!),
    auditor: new Client(origin, auditor!),
    sdk: new Client(origin, sdk!),
  };
  const random = new Random(seed);
  const outbox = new Outbox(clients.sdk, random);
  const day = new Day(clients, outbox, random, say);
  await day.play();
  agrees = await reckon(clients.auditor, day.campaigns, outbox);
} finally {
  await server.shutdown();
  await placard.close();
  kv.close();
}
Deno.exit(agrees ? 0 : 1);
