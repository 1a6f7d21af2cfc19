/** People with attributes, audiences of them, and campaigns that prepare. */
import { assertEquals } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import type { Snapshot } from "../../src/snapshots/mod.ts";
import { until } from "../support/process.ts";
import type { TestServer } from "../support/server.ts";

export const adults = { ">=": [{ var: "user.age" }, 18] };

/** Users u0, u1 … of the age that their name says. */
export async function people(server: TestServer, count: number): Promise<void> {
  const lines = Array.from(
    { length: count },
    (_, age) => JSON.stringify({ userId: `u${age}`, attributes: { age } }),
  );
  const answer = await server.expect(200, "POST", "/v1/users/batch", {
    body: lines.join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  assertEquals(answer.json.written, count);
}

export async function ruleAudience(server: TestServer, rule: unknown = adults): Promise<string> {
  const body = { name: "By rule", kind: "rule", rule };
  return (await server.expect(201, "POST", "/v1/audiences", { body })).json.id;
}

export async function listAudience(server: TestServer, userIds: string[]): Promise<string> {
  const body = { name: "A list", kind: "list" };
  const { id } = (await server.expect(201, "POST", "/v1/audiences", { body })).json;
  await server.expect(200, "POST", `/v1/audiences/${id}/members`, {
    body: userIds.map((userId) => JSON.stringify({ op: "add", userId })).join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  return id;
}

/** A campaign that would post now, but for its audience. */
export async function activated(server: TestServer, audience: unknown): Promise<string> {
  const id = await server.draft({ audience });
  await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
  return id;
}

// deno-lint-ignore no-explicit-any -- what tests look into
export async function preparationOf(server: TestServer, id: string): Promise<any> {
  return (await server.expect(200, "GET", `/v1/campaigns/${id}/audience`)).json;
}

export async function frozen(server: TestServer, id: string): Promise<Snapshot> {
  await until("frozen", async () => (await preparationOf(server, id)).snapshot !== null);
  const { snapshot } = await preparationOf(server, id);
  return (await server.placard.engine.snapshots.load(snapshot.id))!;
}

/** Which of the users u0, u1 … it has. */
export async function usersIn(
  { placard: { engine } }: TestServer,
  set: Snapshot["members"],
  count: number,
): Promise<string[]> {
  const found: string[] = [];
  for (let age = 0; age < count; age++) {
    const number = await engine.identities.find("user", `u${age}`);
    if (number !== undefined && set!.has("user", number)) found.push(`u${age}`);
  }
  return found;
}

export const userNames = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `u${from + index}`);

/** How many rows stand there of preparations, and of how many snapshots any. */
export async function leftovers(kv: Deno.Kv): Promise<{ rows: number; snapshots: number }> {
  let rows = 0;
  for await (const _ of kv.list({ prefix: keys.preparingPrefix() })) rows++;
  const snapshots = new Set<unknown>();
  for await (const { key } of kv.list({ prefix: [keys.tip()[0]!, "snapshot"] })) {
    snapshots.add(key[2]);
  }
  return { rows, snapshots: snapshots.size };
}
