/** Variants and locales: what each subject is shown, stable, and counted apart. */
import { assert, assertEquals } from "@std/assert";
import { assignmentSubject, variantFor } from "../../events/assignment.ts";
import { keys } from "../../src/event_store/mod.ts";
import { until } from "../support/process.ts";
import { openTestServer, type TestServer, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const variants = [
  { key: "b", weight: 30, content: { title: "B" } },
  { key: "c", weight: 30, content: { title: "C" } },
];

const message = async ({ expect }: TestServer, query: string) =>
  (await expect(200, "GET", `/v1/delivery?platform=web&${query}`, { role: "sdk" })).json
    .messages[0];

Deno.test("each subject has one variant, on all devices, in every session and in the reports", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", { variants });
    const counts = new Map<string | null, number>();
    for (let nth = 0; nth < 120; nth++) {
      const [deviceId, userId] = [`d${nth}`, nth % 2 === 0 ? `u${nth}` : undefined];
      const expected = variantFor(variants, id, assignmentSubject(deviceId, userId));
      const user = userId === undefined ? "" : `&userId=${userId}`;
      const shown = await message(server, `deviceId=${deviceId}${user}`);
      assertEquals(shown.variant ?? null, expected);
      assertEquals(shown.content.title, expected === null ? "Hello" : expected.toUpperCase());
      if (userId) {
        const other = await message(server, `deviceId=other-${nth}${user}`);
        assertEquals(other.variant ?? null, expected);
      }
      await send(server, [item(server, id, { deviceId, ...(userId ? { userId } : {}) })]);
      counts.set(expected, (counts.get(expected) ?? 0) + 1);
    }
    assertEquals(counts.size, 3);
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi?by=variant`);
    const told = json.breakdown
      .map((
        { key, totalImpressions }: { key: string | null; totalImpressions: number },
      ) => [key, totalImpressions]);
    assertEquals(new Map(told), counts);
  }));

Deno.test("new weights reach new sessions; what an old one saw is counted as it saw it", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", {
      variants: [{ key: "b", weight: 100, content: { title: "B" } }],
    });
    const { session } = (await server.expect(
      200,
      "GET",
      "/v1/delivery?platform=web&deviceId=d",
    )).json;
    await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { variants: [] } });
    const old = await message(server, `deviceId=d&session=${session}`);
    const fresh = await message(server, "deviceId=d");
    assertEquals([old.variant, old.revision, fresh.variant, fresh.revision], [
      "b",
      1,
      undefined,
      2,
    ]);
    await server.expect(200, "POST", `/v1/campaigns/${id}/end`);
    // Reported after the end.
    const both = [old, fresh].map(({ revision }) => item(server, id, { revision }));
    assertEquals(await send(server, both), ["", ""]);
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi?by=variant`);
    const told = json.breakdown.map(({ key }: { key: string | null }) => key).toSorted();
    assertEquals(told, ["b", null]);
  }));

Deno.test("a message comes in the nearest locale that it has", () =>
  withServer(async (server) => {
    await server.campaignIn("posting", {
      content: {
        title: "Hello",
        buttons: [{ elementId: "ok", label: "Fine", action: { type: "close" } }],
        locales: {
          default: "en",
          overrides: {
            ko: { title: "안녕하세요" },
            pt: { title: "Olá", buttons: [{ elementId: "ok", label: "Bem" }] },
            "pt-BR": { title: "Oi" },
          },
        },
      },
    });
    const cases: [locale: string, title: string, label: string][] = [
      ["", "Hello", "Fine"],
      ["&locale=en-GB", "Hello", "Fine"],
      ["&locale=ko-KR", "안녕하세요", "Fine"],
      ["&locale=pt-PT", "Olá", "Bem"],
      ["&locale=pt_BR", "Oi", "Bem"],
      ["&locale=zh-Hant-TW", "Hello", "Fine"],
      ["&locale=no+tag", "Hello", "Fine"],
    ];
    for (const [locale, title, label] of cases) {
      const { content } = await message(server, `deviceId=d${locale}`);
      assertEquals([content.title, content.buttons[0].label], [title, label], locale);
      assertEquals(content.locales, undefined);
    }
  }));

Deno.test("a snapshot that is damaged hides its campaign, and no other one", async () => {
  const kv = await Deno.openKv(":memory:");
  const before = await openTestServer({ kv });
  const list = (await before.expect(201, "POST", "/v1/audiences", {
    body: { name: "L", kind: "list" },
  })).json.id;
  await before.expect(200, "POST", `/v1/audiences/${list}/members`, {
    body: '{"op":"add","userId":"u"}',
    headers: { "content-type": "application/x-ndjson" },
  });
  const everybody = await before.campaignIn("posting");
  const some = await before.draft({ audience: { kind: "audience", audienceId: list } });
  await before.expect(200, "POST", `/v1/campaigns/${some}/activate`);
  let snapshotId = "";
  await until("it is posting", async () => {
    const { json } = await before.expect(200, "GET", `/v1/campaigns/${some}/audience`);
    snapshotId = json.snapshot?.id ?? "";
    return snapshotId !== "";
  });
  await before.close();
  for await (const { key } of kv.list({ prefix: keys.snapshotPrefix(snapshotId) })) {
    if (!key.includes("head")) await kv.delete(key);
  }
  const after = await openTestServer({ kv });
  const shown = (await after.expect(
    200,
    "GET",
    "/v1/delivery?platform=web&deviceId=d&userId=u",
  )).json.messages.map(({ campaignId }: { campaignId: string }) => campaignId);
  assertEquals(shown, [everybody]);
  const { json } = await after.expect(200, "POST", "/v1/delivery/explain", {
    body: { campaignId: some, deviceId: "d", userId: "u" },
  });
  const audience = json.rules.find(({ rule }: { rule: string }) => rule === "audience");
  assertEquals([json.shown, audience.passed], [false, null]);
  assert(audience.detail.length > 0);
  await after.close();
  kv.close();
});
