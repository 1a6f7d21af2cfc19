/** Something of everything happens on a server, for tests that look at the whole store. */
import { range } from "../event_store/counters.ts";
import { until } from "../support/process.ts";
import type { TestServer } from "../support/server.ts";

export async function fill(server: TestServer): Promise<void> {
  const posting = await server.campaignIn("posting");
  await server.campaignIn("stopped");
  await server.campaignIn("ended");
  await server.expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 20 } });
  const headers = { "idempotency-key": "create" };
  const body = server.settings({ name: "Keyed" });
  const { json } = await server.expect(201, "POST", "/v1/campaigns", { body, headers });
  const unchanged = { headers: { "idempotency-key": "unchanged" }, body: { name: "Keyed" } };
  await server.expect(200, "PATCH", `/v1/campaigns/${json.id}`, unchanged);
  await interact(server, posting, 0, {});
  await interact(server, posting, 100, { "idempotency-key": "interactions" });
  await server.expect(200, "PATCH", `/v1/campaigns/${json.id}`, { body: { priority: 9 } });
  const list = { name: "Guests", kind: "list" };
  const audience = await server.expect(201, "POST", "/v1/audiences", { body: list });
  await server.expect(200, "POST", `/v1/audiences/${audience.json.id}/members`, {
    body: '{"op":"add","userId":"u1"}\n{"op":"add","deviceId":"d1"}\n{"op":"remove","userId":"u2"}',
    headers: { "content-type": "application/x-ndjson" },
  });
  await people(server);
  await frozenAudience(server);
}

/** A campaign whose audience had to be calculated: u1 and whoever is of him. */
async function frozenAudience(server: TestServer): Promise<void> {
  const rule = { "==": [{ var: "user.name" }, "u1"] };
  const body = { name: "By rule", kind: "rule", rule };
  const { id } = (await server.expect(201, "POST", "/v1/audiences", { body })).json;
  const audience = { kind: "audience", audienceId: id };
  const campaign = await server.draft({ audience });
  await server.expect(200, "POST", `/v1/campaigns/${campaign}/activate`);
  await until("frozen", async () => {
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${campaign}/audience`);
    return json.snapshot !== null;
  });
}

/** Profiles of users and devices, some of whom are forgotten; one comes back. */
export async function people(server: TestServer): Promise<void> {
  for (const id of ["u1", "u2", "new"]) {
    const body = { attributes: { name: id } };
    await server.expect(200, "PUT", `/v1/users/${id}`, { body });
    await server.expect(200, "PUT", `/v1/devices/of-${id}`, { body: { ...body, userId: id } });
  }
  const keyed = { headers: { "idempotency-key": `forget-${await server.end()}` } };
  await server.expect(204, "DELETE", "/v1/users/u2", keyed);
  await server.expect(204, "DELETE", "/v1/devices/d3");
  await server.expect(200, "PUT", "/v1/users/u2", { body: { attributes: {} } });
}

export async function interact(
  server: TestServer,
  campaignId: string,
  first: number,
  headers: Record<string, string>,
): Promise<void> {
  const interactions = range(100).map((nth) => ({
    id: `i${first + nth}`,
    kind: nth % 3 === 0 ? "click" : "impression",
    campaignId,
    platform: "web",
    deviceId: `d${nth % 17}`,
    ...(nth % 2 === 0 ? { userId: `u${nth % 5}` } : {}),
    occurredAt: new Date(server.nowMs()).toISOString(),
  }));
  const body = { interactions };
  await server.expect(202, "POST", "/v1/interactions", { role: "sdk", body, headers });
}
