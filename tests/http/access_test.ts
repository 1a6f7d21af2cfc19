/** Who may ask what: 401 without a known key, 403 with one of the wrong role, on every route. */
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../events/workspace_events.ts";
import { operationsOf } from "../support/conformity.ts";
import { assertProblem, presetKeys, withServer } from "../support/server.ts";

const roles: readonly Role[] = ["operator", "auditor", "sdk"];
const clientRoutes = ["", "/status", "/decide", "/claim"].map((path) => `/v1/delivery${path}`)
  .concat("/v1/interactions");

/** By the words of the contract, so that the document cannot be wrong together with the server. */
function expectedRoles(method: string, path: string, asksOnly: boolean): Role[] {
  const found: Role[] = ["operator"];
  // Whoever may read may ask; what a client asks for itself is the client's.
  if (method === "get" || (asksOnly && !clientRoutes.includes(path))) found.push("auditor");
  if (clientRoutes.includes(path)) found.push("sdk");
  return found;
}

Deno.test("the document tells the roles of the contract", () =>
  withServer(({ document }) => {
    for (const { method, path, operation } of operationsOf(document)) {
      const name = `${method} ${path}`;
      if (!path.startsWith("/v1/")) assertEquals(operation["x-roles"], undefined, name);
      else {
        const expected = expectedRoles(method, path, operation["x-asks-only"] === true);
        assertEquals([...operation["x-roles"]].sort(), expected.sort(), name);
      }
    }
    return Promise.resolve();
  }));

Deno.test("every route answers 401 without a known key, 403 with the wrong role", () =>
  withServer(async ({ document, request, end }) => {
    const before = await end();
    for (const { method, path, operation } of operationsOf(document)) {
      const name = `${method} ${path}`;
      const url = path.replace("{id}", "nothing");
      const allowed: Role[] | undefined = operation["x-roles"];
      const asNobody = await request(method.toUpperCase(), url, { role: null });
      if (!allowed) {
        assertEquals(asNobody.status, 200, name);
        continue;
      }
      assertProblem(asNobody, 401, "unauthorized");
      for (const role of roles) {
        const answer = await request(method.toUpperCase(), url, { role });
        if (allowed.includes(role)) assert(answer.status !== 401 && answer.status !== 403, name);
        else assertProblem(answer, 403, "forbidden");
      }
    }
    assertEquals(await end(), before, "a refused request stored something");
  }));

Deno.test("what is no known key is 401, whatever else is wrong with the request", () =>
  withServer(async ({ request }) => {
    const wrong = ["", "Bearer", "Bearer ", "Basic b3BlcmF0b3I6", presetKeys.operator]
      .concat([`Bearer ${presetKeys.operator}x`, `Bearer ${presetKeys.operator.slice(1)}`])
      .concat([`Token ${presetKeys.operator}`, `Bearer x ${presetKeys.operator}`])
      .concat([`Bearer ${presetKeys.operator.toUpperCase()}`]);
    for (const authorization of wrong) {
      const headers = { authorization };
      assertProblem(await request("GET", "/v1/campaigns", { headers }), 401, "unauthorized");
      const bad = await request("POST", "/v1/campaigns?nonsense=1", { headers, body: "{" });
      assertProblem(bad, 401, "unauthorized");
    }
  }));

Deno.test("the scheme's name may be written in any case", () =>
  withServer(async ({ expect }) => {
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      const headers = { authorization: `${scheme} ${presetKeys.auditor}` };
      await expect(200, "GET", "/v1/campaigns", { headers });
    }
  }));

Deno.test("a wrong role is told before what is wrong with query and body", () =>
  withServer(async ({ request }) => {
    const role = "sdk";
    assertProblem(await request("GET", "/v1/campaigns?limit=x", { role }), 403, "forbidden");
    const bad = await request("POST", "/v1/campaigns", { role: "auditor", body: "{" });
    assertProblem(bad, 403, "forbidden");
  }));
