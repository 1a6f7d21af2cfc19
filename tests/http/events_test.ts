/** The log over HTTP: pages, lines and live streams hold the same events, whatever is asked of them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { canonicalJson, eventHash, sha256Hex } from "../../src/event_store/mod.ts";
import { eventStreamsMax } from "../../src/http/mod.ts";
import {
  assertProblem,
  faultsOf,
  presetKeys,
  type TestServer,
  withServer,
} from "../support/server.ts";
import { messagesOf } from "../support/sse.ts";

// deno-lint-ignore no-explicit-any -- what tests look into
type Event = any;

const authorization = `Bearer ${presetKeys.auditor}`;

function open(
  { placard }: TestServer,
  accept: string,
  query = "",
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const init = { headers: { authorization, accept, ...headers } };
  return Promise.resolve(placard.app.request(`/v1/events${query}`, init));
}

async function pages({ expect }: TestServer, query: URLSearchParams): Promise<Event[]> {
  const items: Event[] = [];
  let cursor: string | null = null;
  do {
    const asked = new URLSearchParams([...query, ...(cursor ? [["cursor", cursor]] : [])]);
    const { json } = await expect(200, "GET", `/v1/events?${asked}`, { role: "auditor" });
    items.push(...json.items);
    cursor = json.nextCursor;
  } while (cursor !== null);
  return items;
}

async function linesOf(server: TestServer, query: string): Promise<string[]> {
  const response = await open(server, "application/x-ndjson", query);
  assertEquals(response.status, 200);
  const text = await response.text();
  assert(text === "" || text.endsWith("\n"));
  return text.split("\n").slice(0, -1);
}

/** The first messages of a live stream, which is cut off then. */
async function live(
  server: TestServer,
  query: string,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const response = await open(server, "text/event-stream", query, headers);
  assertEquals(response.status, 200);
  const lines: string[] = [];
  for await (const message of messagesOf(response.body!)) {
    if (message === null) continue;
    assertEquals(JSON.parse(message.data).position, message.id);
    if (lines.push(message.data) === count) break;
  }
  return lines;
}

/** Something of everything that happens. */
async function fill(server: TestServer): Promise<void> {
  const { campaignIn, expect, advance } = server;
  const first = await campaignIn("posting");
  advance(1_000);
  await campaignIn("stopped");
  for (let priority = 1; priority <= 10; priority++) {
    advance(100);
    await expect(200, "PATCH", `/v1/campaigns/${first}`, { body: { priority } });
  }
  await expect(200, "PUT", "/v1/users/u1", { body: { attributes: { plan: "pro" } } });
  const interaction = {
    id: "i1",
    kind: "impression",
    campaignId: first,
    platform: "web",
    deviceId: "d1",
    occurredAt: new Date(server.nowMs()).toISOString(),
  };
  await expect(202, "POST", "/v1/interactions", { body: { interactions: [interaction] } });
  const body = { name: "Überall 🌷", kind: "list" };
  await expect(201, "POST", "/v1/audiences", { body });
}

Deno.test("pages hold every event as it is stored, oldest first, and end at the log's end", () =>
  withServer(async (server) => {
    await fill(server);
    const { expect } = server;
    const whole = await expect(200, "GET", "/v1/events?limit=200");
    assertEquals(whole.json.nextCursor, null);
    const { items } = whole.json;
    assertEquals(whole.position, items.at(-1).position);
    assertEquals(whole.position, await server.end());
    const positions = items.map(({ position }: Event) => position);
    assertEquals(positions, [...new Set(positions)].sort());
    const heads = new Map<string, Event>();
    for (const { position: _, ...stored } of items) {
      const head = heads.get(stored.stream);
      assertEquals(stored.version, (head?.version ?? 0) + 1);
      assertEquals(stored.hash, eventHash(stored, head?.hash ?? ""));
      heads.set(stored.stream, stored);
    }
    assert(heads.size >= 5);
    for (const limit of ["1", "7", "50"]) {
      assertEquals(await pages(server, new URLSearchParams({ limit })), items);
    }
    assertEquals((await expect(200, "GET", "/v1/events")).json.items, items.slice(0, 50));
    const lines = items.map(canonicalJson);
    assertEquals(await linesOf(server, ""), lines);
    assertEquals(await live(server, "", lines.length), lines);
    assertEquals(await linesOf(server, "?limit=3"), lines.slice(0, 3));
  }));

Deno.test("filters and bounds give the same events in every form", () =>
  withServer(async (server) => {
    await fill(server);
    const all = await pages(server, new URLSearchParams());
    const campaign = all.find(({ type }) => type === "campaign_posted").stream;
    const { time, position } = all[Math.floor(all.length / 2)];
    const untracked = all.find(({ type }) => type === "interactions_recorded").stream;
    const cases: [string[][], (event: Event) => boolean][] = [
      [[["stream", campaign]], ({ stream }) => stream === campaign],
      [[["stream", "workspace"]], ({ stream }) => stream === "workspace"],
      [[["stream", untracked]], ({ stream }) => stream === untracked],
      [[["stream", "campaign/none"]], () => false],
      [[["type", "campaign_edited"]], ({ type }) => type === "campaign_edited"],
      [
        [["type", "campaign_posted"], ["type", "campaign_stopped"], ["type", "never"]],
        ({ type }) => ["campaign_posted", "campaign_stopped"].includes(type),
      ],
      [[["actor", "clock"]], ({ meta }) => meta.actor === "clock"],
      [[["actor", "nobody"]], () => false],
      [[["from", position]], (event) => event.position >= position],
      [[["from", "0000-00000000000000000000-0000"]], () => true],
      [[["from", "0001-00000000000000000000-0000"]], () => true],
      [[["from", "0002-00000000000000000000-0000"]], () => false],
      [[["since", time]], (event) => event.time >= time],
      [[["until", time]], (event) => event.time <= time],
      [[["since", time], ["until", time]], (event) => event.time === time],
      [[["since", "1970-01-01T00:00:00Z"], ["until", "9999-12-31T00:00:00Z"]], () => true],
      [[["until", "1971-01-01T00:00:00Z"]], () => false],
      [
        [["stream", campaign], ["type", "campaign_edited"], ["from", position], ["until", time]],
        (event) =>
          event.stream === campaign && event.type === "campaign_edited" &&
          event.position >= position && event.time <= time,
      ],
    ];
    for (const [pairs, fits] of cases) {
      const query = new URLSearchParams(pairs);
      const expected = all.filter(fits);
      const told = query.toString();
      assertEquals(await pages(server, query), expected, told);
      query.set("limit", "2");
      assertEquals(await pages(server, query), expected, told);
      query.delete("limit");
      const lines = expected.map(canonicalJson);
      assertEquals(await linesOf(server, `?${query}`), lines, told);
      if (lines.length > 0) {
        assertEquals(await live(server, `?${query}`, lines.length), lines, told);
      }
    }
  }));

Deno.test("what cannot be asked is told by name", () =>
  withServer(async ({ request, expect }) => {
    const cases: [string, string][] = [
      ["from=x", "/from invalid_format"],
      ["since=yesterday", "/since invalid_format"],
      ["until=2026-13-01T00:00:00Z", "/until invalid_format"],
      ["limit=0", "/limit out_of_range"],
      ["limit=201", "/limit out_of_range"],
      ["cursor=x", "/cursor invalid_format"],
      ["cursor=WyJ4Il0", "/cursor invalid_format"],
      ["streams=x", "/streams unknown_field"],
      ["actor=a&actor=b", "/actor duplicate"],
      ["after=x", "/after invalid_format"],
    ];
    for (const [query, fault] of cases) {
      const answer = await request("GET", `/v1/events?${query}`);
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), [fault], query);
    }
    const several = await request("GET", "/v1/events?from=x&since=y&until=z");
    assertEquals(faultsOf(several).length, 3);
    const accept = "text/event-stream";
    const headers = { accept, "last-event-id": "x" };
    assertEquals(faultsOf(await request("GET", "/v1/events", { headers })), [
      "/Last-Event-ID invalid_format",
    ]);
    // Of no meaning for a page.
    await expect(200, "GET", "/v1/events", { headers: { "last-event-id": "x" } });
  }));

Deno.test("a live stream goes on with what happens, and resumes behind the last event received", () =>
  withServer(async (server) => {
    const id = await server.draft();
    const response = await open(server, "text/event-stream");
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    const messages = messagesOf(response.body!);
    const got: string[] = [];
    const take = async (count: number) => {
      while (got.length < count) got.push((await messages.next()).value!.id);
    };
    const positions = async () =>
      (await pages(server, new URLSearchParams())).map(({ position }) => position);
    await take((await positions()).length);
    for (let priority = 1; priority <= 20; priority++) {
      await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { priority } });
    }
    const all = await positions();
    await take(all.length);
    assertEquals(got, all);
    await messages.return(undefined);
    for (const index of [0, 3, all.length - 2]) {
      const headers = { "last-event-id": all[index]! };
      const lines = await live(server, "", all.length - index - 1, headers);
      assertEquals(lines.map((line) => JSON.parse(line).position), all.slice(index + 1));
    }
    // As an EventSource asks again that was opened at a position.
    const again = { "last-event-id": all[5]! };
    const [next] = await live(server, `?from=${all[2]}`, 1, again);
    assertEquals(JSON.parse(next!).position, all[6]);
    assertEquals(server.placard.engine.eventFeed.openCount, 0);
  }));

Deno.test("a follower of one instance gets what another one appends", () =>
  withServer((one) =>
    withServer(async (other) => {
      const id = await one.draft();
      const response = await open(other, "text/event-stream");
      const messages = messagesOf(response.body!);
      const got: string[] = [];
      for (let priority = 1; priority <= 20; priority++) {
        const server = priority % 3 === 0 ? other : one;
        await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { priority } });
      }
      const all = (await pages(one, new URLSearchParams())).map(({ position }) => position);
      while (got.length < all.length) got.push((await messages.next()).value!.id);
      assertEquals(got, all);
      assertEquals((await linesOf(other, "")).length, all.length);
      await messages.return(undefined);
    }, { kv: one.kv })
  ));

Deno.test("a live stream with `until` ends behind it", () =>
  withServer(async (server) => {
    const id = await server.draft();
    const edit = (priority: number) =>
      server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { priority } });
    const until = new Date(server.nowMs()).toISOString();
    const response = await open(
      server,
      "text/event-stream",
      `?until=${until}&stream=campaign/${id}`,
    );
    const messages = messagesOf(response.body!);
    const types: string[] = [];
    const take = async () => types.push(JSON.parse((await messages.next()).value!.data).type);
    await take();
    await edit(1);
    await take();
    server.advance(1);
    await edit(2);
    assertEquals((await messages.next()).done, true);
    assertEquals(types, ["campaign_created", "campaign_edited"]);
    const ended = await open(server, "text/event-stream", `?until=${until}&stream=campaign/${id}`);
    assertEquals((await Array.fromAsync(messagesOf(ended.body!))).length, 2);
    assertEquals(server.placard.engine.eventFeed.openCount, 0);
  }));

Deno.test("the heart beats while nothing happens", async () => {
  let beat = () => {};
  let stopped = 0;
  const repeat = (_everyMs: number, callback: () => void) => {
    beat = callback;
    return () => void stopped++;
  };
  await withServer(async (server) => {
    const all = await pages(server, new URLSearchParams());
    const response = await open(server, "text/event-stream");
    const messages = messagesOf(response.body!);
    for (const { position } of all) assertEquals((await messages.next()).value!.id, position);
    for (let count = 0; count < 3; count++) {
      let value: unknown;
      const next = messages.next().then((result) => value = result.value);
      // The body is asked for more a turn later.
      while (value === undefined) {
        beat();
        await new Promise((resolve) => setTimeout(resolve));
      }
      assertEquals(await next, null);
    }
    assertEquals(stopped, 0);
    await messages.return(undefined);
    assertEquals(stopped, 1);
  }, { repeat });
});

Deno.test("streams are bounded, and their places are given back however they end", () =>
  withServer(async (server) => {
    await server.draft();
    const { eventFeed } = server.placard.engine;
    const all = Array.from(
      { length: eventStreamsMax },
      (_, index) => open(server, index % 2 === 0 ? "text/event-stream" : "application/x-ndjson"),
    );
    const bodies = (await Promise.all(all)).map(({ body }) => body!);
    for (const accept of ["text/event-stream", "application/x-ndjson"]) {
      const refused = await server.request("GET", "/v1/events", { headers: { accept } });
      assertProblem(refused, 503, "overloaded");
    }
    // Pages are no streams.
    await server.expect(200, "GET", "/v1/events");
    await bodies.pop()!.cancel();
    assertEquals(eventFeed.openCount, eventStreamsMax - 1);
    await new Response(bodies.pop()).body!.getReader().cancel();
    const lines = bodies.splice(bodies.findIndex((_, index) => index % 2 === 1), 1)[0]!;
    assert((await new Response(lines).text()).endsWith("\n"));
    assertEquals(eventFeed.openCount, eventStreamsMax - 3);
    for (const accept of ["text/event-stream", "application/x-ndjson"]) {
      const init = { method: "HEAD", headers: { authorization, accept } };
      const head = await server.placard.app.request("/v1/events", init);
      assertEquals([head.status, head.body], [200, null]);
    }
    assertEquals(eventFeed.openCount, eventStreamsMax - 3);
    const going = new AbortController();
    const aborted = await server.placard.app.request("/v1/events", {
      headers: { authorization, accept: "text/event-stream" },
      signal: going.signal,
    });
    going.abort();
    assertEquals(eventFeed.openCount, eventStreamsMax - 3);
    await aborted.body!.cancel();
    await Promise.all(bodies.map((body) => body.cancel()));
    assertEquals(eventFeed.openCount, 0);
  }));

Deno.test("when the server stops, live streams end and others break off", () =>
  withServer(async (server) => {
    const live = await open(server, "text/event-stream");
    const lines = await open(server, "application/x-ndjson");
    server.placard.endStreams();
    assertEquals(await Array.fromAsync(messagesOf(live.body!)), []);
    await assertRejects(() => lines.text());
    assertEquals(server.placard.engine.eventFeed.openCount, 0);
    const refused = await server.request("GET", "/v1/events", {
      headers: { accept: "text/event-stream" },
    });
    assertProblem(refused, 503, "overloaded");
  }));

Deno.test("the body of an event is given by its name, byte for byte", () =>
  withServer(async (server) => {
    await fill(server);
    const { json } = await server.expect(200, "GET", "/v1/events?limit=200");
    const bodies = json.items.flatMap(({ body }: Event) => body ? [body] : []);
    assert(bodies.length > 0);
    for (const { ref, bytes, sha256 } of bodies) {
      const response = await server.placard.app.request(`/v1/audit/bodies/${ref}`, {
        headers: { authorization },
      });
      const body = new Uint8Array(await response.arrayBuffer());
      assertEquals([response.status, body.length, sha256Hex(body)], [200, bytes, sha256]);
    }
    for (const ref of ["none", "x".repeat(5_000), "%00", "a%2Fb"]) {
      assertProblem(await server.request("GET", `/v1/audit/bodies/${ref}`), 404, "not_found");
    }
  }));
