/**
 * `deno run -A tests/events/make_fixtures.ts`: writes the fixtures that are missing, of every type and
 * schema version that a server writes now. What is there stays as it is: it stands for logs that are.
 */
import { dirname } from "node:path";
import { z } from "zod";
import type { StoredEvent } from "../../events/recorded_event.ts";
import { importExport } from "../../src/audit/mod.ts";
import { eventDataSchemas } from "../../src/audit/event_schemas.ts";
import { decodeRow, keys } from "../../src/event_store/mod.ts";
import { exportOf, filesOf, historyOf } from "../audit/forged_export.ts";
import { fill } from "../audit/filled.ts";
import { hourMs, minuteMs, openTestServer, type TestServer } from "../support/server.ts";
import { outcomeOf } from "./outcome.ts";

export const fixturesFolder = new URL("fixtures/", import.meta.url).pathname;
export const clock = "2026-03-01T12:00:00.000Z";
const eventsPerFixture = 3;

export interface Fixture {
  readonly events: readonly StoredEvent[];
  /** Base64, by their refs. */
  readonly bodies: Readonly<Record<string, string>>;
  /** JSON Schema of the events' data in this version. */
  readonly dataSchema: unknown;
}

export function jsonSchemaOf(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" });
  return rest;
}

/** One event of every type at least. */
async function everything(server: TestServer): Promise<void> {
  const { expect } = server;
  await fill(server);
  await expect(204, "DELETE", `/v1/campaigns/${await server.draft()}`);
  const stopped = await server.campaignIn("stopped");
  await expect(200, "POST", `/v1/campaigns/${stopped}/restart`);
  await server.campaignIn("preparing_to_publish");
  await server.campaignIn("waiting_to_post");
  const edited = await server.campaignIn("posting_reflecting_modifications", {
    exposure: { caps: [{ per: "day", by: "user", max: 3 }] },
  });
  const tested = await server.draft({ name: "Tested" });
  const body = { deviceIds: ["d1", "new"] };
  await expect(202, "POST", `/v1/campaigns/${tested}/test-messages`, { body });
  const claim = { claimId: "c1", campaignId: edited, deviceId: "d1", userId: "u1" };
  await expect(200, "POST", "/v1/delivery/claim", { role: "sdk", body: claim });
  const audience = { name: "Few", kind: "rule", rule: { "==": [{ var: "user.name" }, "u2"] } };
  const { id } = (await expect(201, "POST", "/v1/audiences", { body: audience })).json;
  await expect(200, "PATCH", `/v1/audiences/${id}`, { body: { name: "Fewer" } });
  await expect(204, "DELETE", `/v1/audiences/${id}`);
  const key =
    (await expect(201, "POST", "/v1/keys", { body: { name: "k", role: "auditor" } })).json;
  await expect(204, "DELETE", `/v1/keys/${key.id}`);
  const rotation = { body: { reason: "the year is over" } };
  await expect(200, "POST", "/v1/audit/key/rotate", rotation);
  server.advance(11 * minuteMs);
  await expect(200, "GET", "/v1/campaigns");
  server.advance(3 * hourMs);
  await expect(200, "GET", "/v1/campaigns");
}

async function writeMissing(): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  const server = await openTestServer({ kv, clock, timeZone: "Asia/Seoul" });
  await everything(server);
  const outcome = { clock: new Date(server.nowMs()).toISOString(), ...await outcomeOf(server) };
  const history = await historyOf(server);
  await server.close();
  // The same log, and that it was imported.
  const imported = await Deno.openKv(":memory:");
  const files = exportOf(history);
  const nowMs = () => server.nowMs();
  await importExport({ kv: imported, files: filesOf(files), nowMs, newId: () => "run" });
  const byVersion = new Map<string, StoredEvent[]>();
  for await (const { value } of imported.list<Uint8Array>({ prefix: keys.logsPrefix() })) {
    for (const stored of decodeRow(value).events) {
      const name = `${stored.type}.v${stored.schema}.json`;
      byVersion.set(name, [...byVersion.get(name) ?? [], stored]);
    }
  }
  for (const [name, all] of byVersion) {
    const events = all.slice(0, eventsPerFixture);
    const bodies: Record<string, string> = {};
    for (const { body } of events) {
      if (body?.parts === 1) {
        bodies[body.ref] = (await kv.get<Uint8Array>(keys.body(body.ref, 0))).value!.toBase64();
      }
    }
    const dataSchema = jsonSchemaOf(eventDataSchemas[events[0]!.type]!);
    await writeNew(name, JSON.stringify({ events, bodies, dataSchema }, null, 2) + "\n");
  }
  for (const [name, bytes] of files) await writeNew(`history_1/${name}`, bytes);
  await writeNew("history_1/outcome.json", JSON.stringify(outcome, null, 2) + "\n");
  imported.close();
  kv.close();
}

async function writeNew(name: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.mkdir(dirname(fixturesFolder + name), { recursive: true });
  try {
    await Deno.writeFile(fixturesFolder + name, bytes, { createNew: true });
    console.log(`wrote ${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

if (import.meta.main) {
  await writeMissing();
  Deno.exit();
}
