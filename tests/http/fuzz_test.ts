/**
 * Many bent requests over every route of the document: never a 5xx, never a hang, every answer as the
 * document says, and what is refused stores nothing. `PLACARD_TEST_SEED=7 deno test …` tries another.
 */
import { assert, assertEquals } from "@std/assert";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { operationsOf } from "../support/conformity.ts";
import { type Answer, hourMs, openTestServer, type TestServer } from "../support/server.ts";
import { bend, type Bent, type Known } from "./fuzzed_requests.ts";
import { Fuzz } from "./fuzzed.ts";

const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_260_401);
const requestsCount = 12_000;
/** Of those that read the whole log, one in so many is sent: the log grows with all the others. */
const wholeLogShare = 1 / 10;
/** A read with `after` may wait 5 s. */
const answerMsMax = 7_000;

Deno.test(`${requestsCount} fuzzed requests, seed ${seed}`, async () => {
  console.log(`fuzz seed ${seed}`);
  const server = await openTestServer();
  const fuzz = new Fuzz(seed);
  const known: Known = { ids: [], keys: [], positions: [], sessions: [], cursors: [] };
  const tally = new Map<number, number>();
  try {
    for (const status of campaignStatuses) known.ids.push(await server.campaignIn(status));
    const operations = operationsOf(server.document).filter(({ path }) =>
      !path.startsWith("/docs")
    );
    for (let count = 0; count < requestsCount; count++) {
      if (count % 500 === 0) server.advance(hourMs);
      let operation = fuzz.of(operations);
      while (operation.path === "/v1/audit/verify" && !fuzz.maybe(wholeLogShare)) {
        operation = fuzz.of(operations);
      }
      const bent = bend(fuzz, server, operation, known);
      const before = bent.method === "GET" ? "" : await server.end();
      const answer = await answered(server, bent);
      tally.set(answer.status, (tally.get(answer.status) ?? 0) + 1);
      const told = `request ${count} of seed ${seed}: ${describe(bent)}\n${
        answer.text.slice(0, 500)
      }`;
      assert(answer.status < 500, told);
      if (before !== "" && answer.status >= 400) assertEquals(await server.end(), before, told);
      remember(known, bent, answer);
    }
  } finally {
    await server.close();
  }
  const share = (from: number, to: number) =>
    [...tally].reduce(
      (sum, [status, count]) => status >= from && status < to ? sum + count / requestsCount : sum,
      0,
    );
  assert(share(200, 400) > 0.15, `too few got through: ${[...tally]}`);
  for (const status of [200, 201, 202, 204, 304, 400, 404, 405, 409, 412, 413, 415, 422]) {
    assert((tally.get(status) ?? 0) > 0, `${status} never came: ${[...tally]}`);
  }
});

async function answered(server: TestServer, bent: Bent): Promise<Answer> {
  let timer;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer: ${describe(bent)}`)), answerMsMax);
  });
  try {
    return await Promise.race([server.request(bent.method, bent.path, bent), late]);
  } catch (error) {
    throw new Error(`seed ${seed}: ${describe(bent)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** What later requests may refer to. */
function remember(known: Known, { path }: Bent, { status, json, position }: Answer): void {
  const keep = (list: string[], value: unknown, max: number) => {
    if (typeof value !== "string" || value.length > 3_000) return;
    list.push(value);
    if (list.length > max) list.shift();
  };
  if (status === 201) keep(path.startsWith("/v1/keys") ? known.keys : known.ids, json.id, 40);
  if (position !== "") keep(known.positions, position, 5);
  if (status === 200) {
    keep(known.sessions, json?.session, 5);
    keep(known.cursors, json?.nextCursor, 5);
  }
}

function describe({ method, path, body, headers }: Bent): string {
  const text = body === undefined ? "" : Deno.inspect(body, { strAbbreviateSize: 1_500 });
  return `${method} ${path.slice(0, 500)} ${JSON.stringify(headers).slice(0, 500)} ${text}`;
}
