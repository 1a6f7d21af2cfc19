/** Placard-Position: on every command and read, in the order of the log; `after` waits for one. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertProblem, faultsOf, withServer } from "../support/server.ts";

const reads = (id: string) => [
  "/v1/campaigns",
  `/v1/campaigns/${id}`,
  `/v1/campaigns/${id}/status`,
  `/v1/campaigns/${id}/history`,
  `/v1/campaigns/${id}/kpi`,
  "/v1/kpi",
  "/v1/workspace",
  "/v1/keys",
];
const never = "ffff-ffffffffffffffffffff-ffff";

Deno.test("positions of commands rise as text, and a read tells the newest", () =>
  withServer(async ({ settings, expect, nowMs }) => {
    const positions: string[] = [];
    const { json } = await expect(201, "POST", "/v1/campaigns", { body: settings() });
    const path = `/v1/campaigns/${json.id}`;
    const interactions = [{
      id: "i1",
      kind: "impression",
      campaignId: json.id,
      platform: "web",
      deviceId: "d1",
      occurredAt: new Date(nowMs()).toISOString(),
    }];
    const commands: [number, string, string, unknown?][] = [
      [200, "PATCH", path, { name: "B" }],
      [200, "POST", `${path}/activate`],
      [202, "POST", "/v1/interactions", { interactions }],
      [200, "POST", `${path}/stop`],
      [200, "POST", `${path}/restart`],
      [200, "POST", `${path}/end`],
      [201, "POST", `${path}/copy`],
      [200, "PATCH", "/v1/workspace", { activeLimit: 4 }],
      [201, "POST", "/v1/keys", { name: "k", role: "sdk" }],
    ];
    for (const [status, method, url, body] of commands) {
      const { position } = await expect(status, method, url, { body });
      positions.push(position);
      for (const read of reads(json.id)) {
        assertEquals((await expect(200, "GET", read)).position, position, `${read} after ${url}`);
      }
      const delivery = await expect(200, "GET", "/v1/delivery?platform=web&deviceId=d");
      assertEquals(delivery.position, position);
    }
    assertEquals(positions.toSorted(), positions);
    assertEquals(new Set(positions).size, positions.length);
  }));

Deno.test("a command that appends nothing tells the position that it was decided on", () =>
  withServer(async ({ draft, expect, end }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const before = await end();
    const { position } = await expect(200, "PATCH", path, { body: {} });
    assertEquals(position, before);
    const remembered = { headers: { "idempotency-key": "k" }, body: {} };
    assertEquals((await expect(200, "PATCH", path, remembered)).position, before);
    assertEquals((await expect(200, "PATCH", path, remembered)).position, before);
    assertEquals(await end(), before);
  }));

Deno.test("positions of concurrent commands are all different", () =>
  withServer(async ({ settings, request }) => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => request("POST", "/v1/campaigns", { body: settings() })),
    );
    assertEquals(new Set(answers.map(({ position }) => position)).size, 30);
    for (const { position } of answers) assertMatch(position, /^[A-Za-z0-9._~-]+$/);
  }));

Deno.test("after: every read has what the position says", () =>
  withServer(async ({ draft, expect }) => {
    const id = await draft();
    const path = `/v1/campaigns/${id}`;
    for (let round = 0; round < 5; round++) {
      const body = { name: `Round ${round}` };
      const { position, json } = await expect(200, "PATCH", path, { body });
      for (const read of reads(id)) {
        const answer = await expect(200, "GET", `${read}?after=${position}`);
        assert(answer.position >= position, read);
      }
      assertEquals((await expect(200, "GET", `${path}?after=${position}`)).json, json);
    }
  }));

Deno.test("after: a position that comes while the read waits is waited for", () =>
  withServer(async ({ draft, expect, request, placard }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const { position } = await expect(200, "GET", path);
    // The next event's versionstamp is higher than any that is there.
    const [epoch, stamp, index] = position.split("-");
    const next = `${epoch}-${(BigInt(`0x${stamp}`) + 1n).toString(16).padStart(20, "0")}-${index}`;
    let answered = false;
    const waiting = request("GET", `${path}?after=${next}`).finally(() => answered = true);
    await placard.engine.tail.poll();
    assert(!answered, "answered before the position was there");
    const edited = await expect(200, "PATCH", path, { body: { name: "B" } });
    assert(edited.position >= next);
    const { status, json } = await waiting;
    assertEquals([status, json.name], [200, "B"]);
  }));

Deno.test("after: what is never reached is 503 with Retry-After, in about 5 seconds", () =>
  withServer(async ({ draft, request }) => {
    const id = await draft();
    const startedAtMs = performance.now();
    const answers = await Promise.all(
      reads(id).map((read) => request("GET", `${read}?after=${never}`)),
    );
    const tookMs = performance.now() - startedAtMs;
    for (const answer of answers) assertProblem(answer, 503, "position_not_reached");
    assert(tookMs > 4_900 && tookMs < 9_000, `${tookMs} ms`);
  }));

Deno.test("after: nonsense is 422 at once", () =>
  withServer(async ({ draft, request }) => {
    const id = await draft();
    for (const after of ["", "x", "0", "-1", "0000-g-0000", `${never}0`, "%00", "latest"]) {
      for (const read of reads(id)) {
        const answer = await request("GET", `${read}?after=${after}`);
        assertProblem(answer, 422, "invalid");
        assertEquals(faultsOf(answer), ["/after invalid_format"], read);
      }
    }
  }));
