/** ETag and If-Match: a command that was made on an old version is 412, which tells what happened. */
import { assertEquals } from "@std/assert";
import { assertProblem, minuteMs, type TestServer, withServer } from "../support/server.ts";

const ifMatch = (version: number | string) => ({
  headers: { "if-match": typeof version === "number" ? `"${version}"` : version },
});

/** Every command on a campaign that is there, with a body that would succeed or be refused. */
const commands: [string, string, unknown?][] = [
  ["PATCH", "", { name: "New" }],
  ["DELETE", ""],
  ["POST", "/activate"],
  ["POST", "/stop", { reason: "why" }],
  ["POST", "/restart"],
  ["POST", "/end"],
];

Deno.test("every command honours If-Match, before any rule", () =>
  withServer(async ({ draft, expect, request, end }) => {
    const path = `/v1/campaigns/${await draft()}`;
    await expect(200, "PATCH", path, { body: { name: "B" } });
    await expect(200, "PATCH", path, { body: { name: "C" } });
    const before = await end();
    for (const [method, suffix, body] of commands) {
      const answer = await request(method, path + suffix, { body, ...ifMatch(1) });
      assertProblem(answer, 412, "version_mismatch");
      assertEquals(answer.json.currentVersion, 3);
      assertEquals(answer.json.eventsSince, ["campaign_edited", "campaign_edited"]);
      const ahead = await request(method, path + suffix, { body, ...ifMatch(99) });
      assertProblem(ahead, 412, "version_mismatch");
      assertEquals([ahead.json.currentVersion, ahead.json.eventsSince], [3, []]);
    }
    assertEquals(await end(), before);
  }));

Deno.test("the ETag of the last answer matches, and so does *", () =>
  withServer(async ({ draft, expect }) => {
    const path = `/v1/campaigns/${await draft()}`;
    let etag = (await expect(200, "GET", path)).headers.get("etag")!;
    const steps: [string, string, unknown?][] = [
      ["PATCH", "", { name: "B" }],
      ["POST", "/activate"],
      ["PATCH", "", { name: "C" }],
      ["POST", "/stop"],
      ["POST", "/restart"],
      ["POST", "/end"],
    ];
    for (const [method, suffix, body] of steps) {
      const answer = await expect(200, method, path + suffix, { body, ...ifMatch(etag) });
      etag = answer.headers.get("etag")!;
      assertEquals(etag, `"${answer.json.version}"`);
      assertEquals((await expect(200, "GET", path)).headers.get("etag"), etag);
    }
    const other = `/v1/campaigns/${await draft()}`;
    await expect(200, "PATCH", other, { body: { name: "B" }, ...ifMatch("*") });
    await expect(204, "DELETE", other, ifMatch("*"));
  }));

Deno.test("* does not match what is not there", () =>
  withServer(async ({ request }) => {
    for (const [method, suffix, body] of commands) {
      const answer = await request(method, `/v1/campaigns/none${suffix}`, {
        body,
        ...ifMatch("*"),
      });
      assertProblem(answer, 404, "not_found");
    }
  }));

Deno.test("what the clock has done in between counts as a change", () =>
  withServer(async ({ campaignIn, expect, request, advance }) => {
    const path = `/v1/campaigns/${await campaignIn("waiting_to_post")}`;
    const { version } = (await expect(200, "GET", path)).json;
    advance(60 * minuteMs);
    const answer = await request("POST", `${path}/stop`, ifMatch(version));
    assertProblem(answer, 412, "version_mismatch");
    assertEquals(answer.json.eventsSince, ["campaign_preparing", "audience_frozen"]);
    assertEquals(answer.json.currentVersion, version + 2);
    await expect(200, "POST", `${path}/stop`, ifMatch(version + 2));
  }));

Deno.test("an If-Match that is no ETag of ours is 400 and changes nothing", () =>
  withServer(async ({ draft, request, end }: TestServer) => {
    const path = `/v1/campaigns/${await draft()}`;
    const before = await end();
    for (const header of ["1", '"1', '"', '""', '"1", "2"', "true", '"-1"', '"1.0"', '"9e9"']) {
      for (const [method, suffix, body] of commands) {
        const answer = await request(method, path + suffix, { body, ...ifMatch(header) });
        assertProblem(answer, 400, "malformed_request");
      }
    }
    assertEquals(await end(), before);
  }));

Deno.test("the workspace has a version too; what creates has none to match", () =>
  withServer(async ({ expect, request, settings }) => {
    const { headers, json } = await expect(200, "GET", "/v1/workspace");
    assertEquals(headers.get("etag"), `"${json.version}"`);
    const body = { activeLimit: 5 };
    const stale = await request("PATCH", "/v1/workspace", { body, ...ifMatch(json.version + 1) });
    assertProblem(stale, 412, "version_mismatch");
    assertEquals(stale.json.currentVersion, json.version);
    const changed = await expect(200, "PATCH", "/v1/workspace", { body, ...ifMatch(json.version) });
    assertEquals(changed.headers.get("etag"), `"${json.version + 1}"`);
    await expect(201, "POST", "/v1/campaigns", { body: settings(), ...ifMatch(99) });
    const key = { name: "Web site", role: "sdk" };
    await expect(201, "POST", "/v1/keys", { body: key, ...ifMatch(99) });
  }));

Deno.test("of two editors of one version exactly one wins", () =>
  withServer(async ({ draft, request, expect }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const answers = await Promise.all(
      Array.from(
        { length: 10 },
        (_, index) => request("PATCH", path, { body: { name: `Name ${index}` }, ...ifMatch(1) }),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    assertEquals(statuses, [200, ...Array(9).fill(412)]);
    assertEquals((await expect(200, "GET", path)).json.version, 2);
  }));
