/** The log over HTTP while the store fails: what is told is whole, or is known not to be. */
import { assert, assertEquals } from "@std/assert";
import { seed } from "../support/engines.ts";
import { FaultyKv, mulberry32 } from "../support/faulty_kv.ts";
import { assertProblem, presetKeys, type TestServer, withServer } from "../support/server.ts";
import { messagesOf } from "../support/sse.ts";
import { withSkippingClock } from "../event_store/skipping_clock.ts";

const ndjson = "application/x-ndjson";
const eventStream = "text/event-stream";
const reads = ["list", "get", "getMany"] as const;

interface Scene extends TestServer {
  readonly faulty: FaultyKv;
  /** Every line of the log. */
  readonly lines: readonly string[];
  /** A stream that has many of them. */
  readonly stream: string;
}

/** A log of some hundred rows behind a store that fails when it is told to. */
async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  const faulty = new FaultyKv(kv);
  try {
    await withServer(async (server) => {
      const id = await server.draft();
      for (let priority = 1; priority <= 100; priority++) {
        await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { priority } });
        server.advance(1);
      }
      const { lines } = await whole(server, "");
      assert(lines.length > 100);
      try {
        await body({ ...server, faulty, lines, stream: `campaign/${id}` });
      } finally {
        faulty.restore();
      }
    }, { kv: faulty.asKv(), checkedShare: Infinity });
  } finally {
    kv.close();
  }
}

function open(
  { placard }: TestServer,
  accept: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const authorization = `Bearer ${presetKeys.auditor}`;
  const init = { headers: { authorization, accept, ...headers } };
  return Promise.resolve(placard.app.request(`/v1/events${query}`, init));
}

/** Lines as they come, until the stream ends or breaks. */
async function whole(server: TestServer, query: string) {
  const response = await open(server, ndjson, query);
  if (response.status !== 200) return { status: response.status, lines: [], isCut: true };
  let text = "";
  let isCut = false;
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
  } catch {
    isCut = true;
  }
  return { status: 200, lines: text.split("\n").slice(0, -1), isCut };
}

/** So many lines of a live stream, or as many as come before it breaks. */
async function live(server: TestServer, query: string, count: number, after?: string) {
  const headers: Record<string, string> = after === undefined ? {} : { "last-event-id": after };
  const response = await open(server, eventStream, query, headers);
  const lines: string[] = [];
  if (response.status !== 200) {
    await response.body?.cancel();
    return lines;
  }
  try {
    for await (const message of messagesOf(response.body!)) {
      if (message && lines.push(message.data) === count) break;
    }
  } catch { /* It broke off. */ }
  return lines;
}

const queries = (stream: string) => ["", `?stream=${stream}`, "?type=campaign_edited"];

function expected({ lines }: Scene, query: string): string[] {
  const [name, value] = query.slice(1).split("=");
  return lines.filter((line) => query === "" || JSON.parse(line)[name!] === value);
}

Deno.test("reads that fail in passing are made again: nothing is missing, nothing comes twice", () =>
  withScene(async (scene) => {
    const random = mulberry32(seed);
    for (let round = 0; round < 10; round++) {
      for (const query of queries(scene.stream)) {
        const wanted = expected(scene, query);
        for (const method of reads) {
          for (const fault of ["throw before", "throw after", "busy"] as const) {
            const skip = Math.floor(random() * 4);
            scene.faulty.fail(fault, { method, skip, times: Math.floor(random() * 3) });
          }
        }
        const since = `since=${JSON.parse(wanted[0]!).time}`;
        const bounded = query === "" ? `?${since}` : `${query}&${since}`;
        const { json } = await scene.expect(200, "GET", `/v1/events${bounded}${"&limit=200"}`);
        assertEquals(json.items.map((item: unknown) => JSON.stringify(item)), wanted);
        const lines = await whole(scene, bounded);
        assertEquals({ ...lines, query }, { status: 200, lines: wanted, isCut: false, query });
        assertEquals(await live(scene, bounded, wanted.length), wanted);
        scene.faulty.restore();
      }
    }
    assert(scene.faulty.faultCount > 100, "hardly a read has failed");
  }));

Deno.test("while the store is away a page is 503, lines break off, and a live stream is resumed", () =>
  withScene(async (scene) => {
    let refused = 0, cut = 0, resumed = 0;
    for (const query of queries(scene.stream)) {
      const wanted = expected(scene, query);
      for (const method of ["list", "getMany"] as const) {
        for (const skip of [0, 1, 3, 6, 40]) {
          const down = () => scene.faulty.fail("throw after", { method, skip, times: 1_000_000 });
          const up = () => scene.faulty.restore();
          down();
          const page = await withSkippingClock(() =>
            scene.request("GET", `/v1/events${query}${query ? "&" : "?"}limit=200`)
          );
          if (page.status === 200) {
            assertEquals(page.json.items.map((item: unknown) => JSON.stringify(item)), wanted);
          } else {
            assertProblem(page, 503, "store_unavailable");
            assertEquals(page.headers.get("retry-after"), "1");
            refused++;
          }
          up();
          down();
          const lines = await withSkippingClock(() => whole(scene, query));
          assertEquals(lines.lines, wanted.slice(0, lines.lines.length));
          assert(
            lines.isCut || lines.lines.length === wanted.length,
            "it ended as if it was whole",
          );
          if (lines.isCut && lines.lines.length > 0) cut++;
          up();
          down();
          const got = await withSkippingClock(() => live(scene, query, wanted.length));
          up();
          if (got.length < wanted.length) {
            const last = got.length > 0 ? JSON.parse(got.at(-1)!).position : undefined;
            if (last) resumed++;
            got.push(...await live(scene, query, wanted.length - got.length, last));
          }
          assertEquals(got, wanted);
        }
      }
    }
    const { openCount } = scene.placard.engine.eventFeed;
    assert(refused > 0 && cut > 0 && resumed > 0, `${refused} ${cut} ${resumed}`);
    assertEquals(openCount, 0);
  }));

Deno.test("a body that cannot be read is 503", () =>
  withScene(async (scene) => {
    scene.faulty.fail("throw before", { method: "list", times: 1_000_000 });
    const answer = await withSkippingClock(() =>
      scene.request("GET", "/v1/audit/bodies/none", { role: "auditor" })
    );
    assertProblem(answer, 503, "store_unavailable");
  }));

Deno.test("over a connection lines that break off have no end", () =>
  withScene(async (scene) => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) =>
      scene.placard.app.fetch(request));
    try {
      for (const isAway of [true, false]) {
        if (isAway) {
          scene.faulty.fail("throw before", { method: "getMany", skip: 8, times: 1_000_000 });
        }
        const connection = await Deno.connect({ port: server.addr.port });
        const text = await withSkippingClock(async () => {
          await connection.write(new TextEncoder().encode(
            `GET /v1/events?stream=${scene.stream} HTTP/1.1\r\nhost: x\r\naccept: ${ndjson}\r\n` +
              `authorization: Bearer ${presetKeys.auditor}\r\nconnection: close\r\n\r\n`,
          ));
          return await new Response(connection.readable).text();
        });
        scene.faulty.restore();
        assert(text.startsWith("HTTP/1.1 200 ") && text.includes('"campaign_edited"'));
        assertEquals(text.endsWith("\r\n0\r\n\r\n"), !isAway);
      }
    } finally {
      await server.shutdown();
    }
  }));
