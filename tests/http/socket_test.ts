/** The whole process over a real socket: what `app.request()` cannot show. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { presetKeys } from "../support/server.ts";
import { ChildServer, Connection, startFails } from "./child_server.ts";

const authorization = `authorization: Bearer ${presetKeys.operator}`;
const host = "host: localhost";
const draft = JSON.stringify({ name: "A", type: "modal_text" });

const post = (body: string, ...headers: string[]) =>
  ["POST /v1/campaigns HTTP/1.1", host, authorization, "content-type: application/json", ...headers]
    .concat([`content-length: ${new TextEncoder().encode(body).length}`, "", body]).join("\r\n");
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, host, authorization, ...headers, "", ""].join("\r\n");

function test(name: string, body: (child: ChildServer) => Promise<void>): void {
  Deno.test(name, async () => {
    const child = await ChildServer.start();
    try {
      await body(child);
    } finally {
      await child.kill();
    }
  });
}

test("it listens on loopback by default and says so in one line", async (child) => {
  assertMatch(child.listening, /^listening on http:\/\/127\.0\.0\.1:\d+$/);
  const response = await fetch(`${child.url}/healthz`);
  assertEquals([response.status, await response.json()], [200, { status: "alive" }]);
  const outside = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  if (!outside) return;
  const refused = await Deno.connect({ hostname: outside.address, port: child.port })
    .then((connection) => connection.close(), (error) => error);
  assert(refused instanceof Error, `it answers at ${outside.address}`);
});

test("one connection serves many requests, also when they are sent together", async (child) => {
  await using connection = await Connection.open(child.port);
  for (let count = 0; count < 20; count++) {
    await connection.send(post(draft));
    assertEquals((await connection.answer()).status, 201);
  }
  await connection.send(get("/v1/campaigns") + get("/healthz") + get("/v1/nothing"));
  const statuses = [];
  for (let count = 0; count < 3; count++) statuses.push((await connection.answer()).status);
  assertEquals(statuses, [200, 200, 404]);
});

test("a connection that is cut within a body stores nothing and is no bug", async (child) => {
  for (const length of [1, 10, draft.length - 1]) {
    const connection = await Connection.open(child.port);
    await connection.send(post(draft).slice(0, -draft.length) + draft.slice(0, length));
    connection.close();
    const chunked = await Connection.open(child.port);
    await chunked.send(
      ["POST /v1/interactions HTTP/1.1", host, authorization, "content-type: application/json"]
        .concat(["transfer-encoding: chunked", "", "5", '{"int', ""]).join("\r\n"),
    );
    chunked.close();
  }
  const response = await fetch(`${child.url}/v1/campaigns`, {
    headers: { authorization: `Bearer ${presetKeys.operator}` },
  });
  assertEquals((await response.json()).items, []);
  assertEquals(await child.stop(), 0);
  assertEquals(child.errors, "");
});

/** Requests without their bodies, on connections of their own: the server has begun to read these. */
async function begun(child: ChildServer): Promise<Connection[]> {
  const head = post(draft, "expect: 100-continue").slice(0, -draft.length);
  return await Promise.all(Array.from({ length: 8 }, async () => {
    const connection = await Connection.open(child.port);
    await connection.send(head);
    assertEquals((await connection.answer()).status, 100);
    return connection;
  }));
}

/** Resolves when a stop has begun: whoever asks then is sent away. */
async function sentAway(connection: Connection): Promise<void> {
  for (let status = 200; status !== 503;) {
    await connection.send(get("/healthz"));
    ({ status } = await connection.answer());
  }
}

test("SIGTERM in the middle of requests: every one is answered, then it ends with 0", async (child) => {
  const connections = await begun(child);
  await Promise.all(connections.map((connection) => connection.send(draft)));
  const ended = child.stop();
  const rounds = 40;
  for (const connection of connections) {
    assertEquals((await connection.answer()).status, 201);
    for (let round = 0; round < rounds; round++) {
      const more = await connection.send(post(draft)).then(() => connection.answer()).catch(() =>
        null
      );
      if (!more) break;
      assert(more.status === 201 || more.status === 503, `${more.status}: ${more.text}`);
    }
    connection.close();
  }
  assertEquals(await ended, 0);
  assertEquals(child.errors, "");
});

test("SIGTERM within bodies: each is waited for", async (child) => {
  await using other = await Connection.open(child.port);
  const connections = await begun(child);
  const half = draft.length - 5;
  await Promise.all(connections.map((connection) => connection.send(draft.slice(0, -half))));
  const ended = child.stop();
  await sentAway(other);
  await Promise.all(connections.map((connection) => connection.send(draft.slice(-half))));
  for (const connection of connections) {
    assertEquals((await connection.answer()).status, 201);
    connection.close();
  }
  assertEquals(await ended, 0);
  assertEquals(child.errors, "");
});

const stalled: Record<string, string> = {
  "nothing": "",
  "half of its headers": post(draft).slice(0, 40),
  "half of its body": post(draft).slice(0, -5),
};
for (const [what, text] of Object.entries(stalled)) {
  test(`SIGTERM: a client that has sent ${what} keeps nobody waiting`, async (child) => {
    await using idle = await Connection.open(child.port);
    await idle.send(get("/healthz"));
    assertEquals((await idle.answer()).status, 200);
    await idle.send(text);
    await using other = await Connection.open(child.port);
    await other.send(text);
    // The server has no way to tell us that it has read this.
    await new Promise((done) => setTimeout(done, 200));
    assertEquals(await child.stop(), 0, "137: it did not end");
  });
}

test("huge headers, lines and nonsense are refused and leave it running", async (child) => {
  const hostile = [
    get("/healthz", `x-huge: ${"x".repeat(2_000_000)}`),
    get("/healthz", ...Array.from({ length: 5_000 }, (_, index) => `x-${index}: y`)),
    get(`/${"x".repeat(500_000)}`),
    "GET / HTTP/9.9\r\n\r\n",
    "\u0000\u0001\u0002\r\n\r\n",
    post(draft, "content-length: 3"),
    post(draft, "transfer-encoding: chunked"),
    get("/healthz", "bad header"),
  ];
  for (const text of hostile) {
    const connection = await Connection.open(child.port);
    // The server may close before all is sent.
    await connection.send(text).catch(() => {});
    const answer = await connection.answer().catch(() => null);
    if (answer) assert(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    connection.close();
    const response = await fetch(`${child.url}/healthz`);
    assertEquals([response.status, (await response.json()).status], [200, "alive"]);
  }
  assertEquals(await child.stop(), 0);
});

test("a body of which too much is declared is refused before it is sent", async (child) => {
  await using connection = await Connection.open(child.port);
  await connection.send(
    ["POST /v1/campaigns HTTP/1.1", host, authorization, "content-type: application/json"]
      .concat(["content-length: 1000000000", "", '{"name"']).join("\r\n"),
  );
  const answer = await connection.answer();
  assertEquals(answer.status, 413);
  assertStringIncludes(answer.text, "body_too_large");
});

const bad: Record<string, readonly string[]> = {
  PLACARD_KV: ["/proc/no/such/folder/placard.kv", "/"],
  PLACARD_HOST: ["999.1.1.1", "not a host"],
  PLACARD_PORT: ["65536", "-1", "http", "80.5", " 80"],
  PLACARD_OPERATOR_KEY: ["short", `${"x".repeat(40)}\u00e9`],
  PLACARD_AUDITOR_KEY: ["short"],
  PLACARD_SDK_KEY: [`${"x".repeat(40)}\n`],
  PLACARD_PREPARE_LEAD: ["1h", "PT", "-PT1H"],
  PLACARD_REFLECT_WINDOW: ["10", "P"],
  PLACARD_ACTIVE_LIMIT: ["0", "-3", "many", "1.5"],
  PLACARD_TIME_ZONE: ["Mars/Olympus", "+09:00"],
};
for (const [name, values] of Object.entries(bad)) {
  Deno.test(`a bad ${name} stops the start with one clear line`, async () => {
    for (const value of values) {
      const { code, output } = await startFails({ [name]: value });
      assert(code !== 0, `${name}=${value} ended with ${code}`);
      assertEquals(output.trim().split("\n").length, 1, `${name}=${value}:\n${output}`);
      assertStringIncludes(output, name, `${name}=${value}`);
    }
  });
}
