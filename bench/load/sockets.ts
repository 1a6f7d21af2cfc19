/**
 * The load generator for machines without `wrk`: HTTP/1.1 over plain sockets, one request at a time
 * on each connection. Arguments: PORT CONNECTIONS SECONDS, and then those of `wrk.lua`.
 */
import { AnswerReader } from "./answer_reader.ts";
import { Requests } from "./requests.ts";

const [port, connections, seconds] = Deno.args.slice(0, 3).map(Number) as [number, number, number];
const [file, ...numbers] = Deno.args.slice(3) as [string, ...string[]];
const [seed, devices, limit, rate] = numbers.map(Number) as [number, number, number, number];

const requests = new Requests(await Deno.readFile(file), seed, devices);
const latenciesMs: number[] = [];
let handed = 0;
let refused = 0;
const startedAtMs = performance.now();
const endsAtMs = startedAtMs + seconds * 1000;

await Promise.all(Array.from({ length: connections }, oneConnection));

const sorted = Float64Array.from(latenciesMs).sort();
const at = (share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
console.log(JSON.stringify({
  answered: sorted.length,
  seconds: (performance.now() - startedAtMs) / 1000,
  refused,
  broken: 0,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
}));

async function oneConnection(): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const answer = new AnswerReader(connection);
  while (performance.now() < endsAtMs && (limit === 0 || handed < limit)) {
    const turn = handed++;
    if (rate > 0) await until(startedAtMs + turn * 1000 / rate);
    const request = requests.next();
    const sentAtMs = performance.now();
    for (let sent = 0; sent < request.length;) {
      sent += await connection.write(sent === 0 ? request : request.subarray(sent));
    }
    const status = await answer.read();
    latenciesMs.push(performance.now() - sentAtMs);
    if (status > 399) refused++;
  }
  connection.close();
}

async function until(instantMs: number): Promise<void> {
  const waitMs = instantMs - performance.now();
  if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
}
