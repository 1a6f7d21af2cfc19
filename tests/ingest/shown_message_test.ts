import { assertEquals } from "@std/assert";
import { variantFor } from "../../events/assignment.ts";
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import { deliveredSettings, withDefaults } from "../../events/campaign_settings.ts";
import { hash } from "node:crypto";
import { chunkItem, decodeChunk } from "../../events/interaction_chunk.ts";
import { encodeSession } from "../../events/session_token.ts";
import { deliveredOf } from "../../projections/content_revisions.ts";
import type { Interaction } from "../../src/ingest/mod.ts";
import { SessionKeys } from "../../src/ingest/session_keys.ts";
import { hideChoice, shownVariant } from "../../src/ingest/shown_message.ts";
import { bodyOf, chunks, withScene } from "./scene.ts";

const settings = {
  name: "Spring",
  type: "modal_image",
  content: {
    imageAction: { type: "hide", for: "3d" },
    bannerAction: { type: "none" },
    buttons: [
      { elementId: "later", label: "Later", action: { type: "hide", for: "7d" } },
      { elementId: "buy", label: "Buy", action: { type: "close" } },
    ],
  },
  variants: [{
    key: "b",
    weight: 50,
    content: {
      buttons: [{ elementId: "later", label: "No", action: { type: "hide", for: "forever" } }],
    },
  }],
} as CampaignSettings;
const message = deliveredSettings(withDefaults(settings));

Deno.test("hideChoice: as long as the element's action says, else for today", () => {
  for (
    const [elementId, variant, choice] of [
      ["later", null, "7d"],
      ["later", "b", "forever"],
      ["later", "gone", "7d"],
      ["buy", null, "today"],
      ["buy", "b", "today"],
      ["image", "b", "3d"],
      ["banner", null, "today"],
      ["none", null, "today"],
      [undefined, null, "today"],
    ] as const
  ) assertEquals(hideChoice(elementId, message, variant), choice, `${elementId} of ${variant}`);
  assertEquals(hideChoice("later", undefined, null), "today");
});

Deno.test("shownVariant: the one that the subject is assigned to", () => {
  const shown = (given: Partial<Interaction>, of: typeof message | undefined = message) =>
    shownVariant({ campaignId: "c", deviceId: "d1", ...given } as Interaction, of);
  for (let nth = 0; nth < 50; nth++) {
    const [deviceId, userId] = [`d${nth}`, `u${nth}`];
    assertEquals(shown({ deviceId }), variantFor(message.variants, "c", `device:${deviceId}`));
    assertEquals(shown({ userId }), variantFor(message.variants, "c", `user:${userId}`));
  }
  assertEquals(shown({}, { ...message, variants: [] }), null);
  assertEquals(shown({ campaignId: undefined }), null);
  assertEquals(shownVariant({ campaignId: "c", deviceId: "d1" } as Interaction, undefined), null);
});

Deno.test("deliveredOf: the revision, or what is nearest to it", () => {
  const revision = (revision: number) => ({
    revision,
    position: `${revision}`,
    delivered: { ...message, priority: revision },
  });
  const row = { settings, revisions: [revision(4), revision(5), revision(7)] };
  const priorities = [undefined, 1, 4, 5, 6, 7, 8].map((asked) => deliveredOf(row, asked).priority);
  assertEquals(priorities, [7, 4, 4, 5, 7, 7, 7]);
  const ended = { settings, revisions: [] };
  assertEquals(deliveredOf(ended, 3), message);
  assertEquals(deliveredOf(ended, 3) === deliveredOf(ended, undefined), true);
});

Deno.test("SessionKeys: 0 for none, the same for the same token, however many there are", () => {
  const keys = new SessionKeys();
  const token = (startedAtMs: number) => encodeSession({ position: "", startedAtMs, pins: {} });
  assertEquals(keys.of(undefined), 0);
  assertEquals(keys.of("none of ours"), 0);
  assertEquals(keys.of(token(2 ** 32 + 7)), 7);
  for (let ms = 1; ms < 2_000; ms++) keys.of(`${token(ms)}${"x".repeat(8_000)}`);
  assertEquals([keys.of(token(2 ** 32 + 7)), keys.of(token(2 ** 32))], [7, 1]);
});

Deno.test("ingest: session, claim, variant and hide of an interaction stand in its chunk", () =>
  withScene(async (scene) => {
    const { server, ingest, campaignId, items } = scene;
    const variants = [{ key: "a", weight: 100 }];
    const buttons = [{ elementId: "later", label: "Later", action: { type: "hide", for: "7d" } }];
    await server.expect(200, "PATCH", `/v1/campaigns/${campaignId}`, {
      body: { variants, content: { buttons } },
    });
    const session = encodeSession({ position: "", startedAtMs: 77, pins: {} });
    const [one, two, three, four] = items(4) as [
      Interaction,
      Interaction,
      Interaction,
      Interaction,
    ];
    const received = await ingest.receive(bodyOf([
      { ...one, session, claimId: "claim-1" },
      { ...two, session: "none of ours", revision: 1 },
      { ...three, kind: "hide", elementId: "later" },
      { ...four, kind: "hide", name: "forever", elementId: "later" },
    ]));
    assertEquals([received.accepted, received.rejected], [4, []]);
    const chunk = decodeChunk((await chunks(scene))[0]!.body!);
    const stored = Array.from({ length: 4 }, (_, index) => chunkItem(chunk, index));
    const claim = hash("sha256", "claim-1", "hex").slice(0, 32);
    assertEquals(stored.map(({ session, claim, name }) => [session, claim, name]), [
      [77, claim, null],
      [0, null, null],
      [0, null, "7d"],
      [0, null, "forever"],
    ]);
    assertEquals(stored.map(({ variant }) => variant), ["a", null, "a", "a"]);
    const model = server.placard.engine.models.kpi.model;
    await server.expect(200, "GET", `/v1/campaigns/${campaignId}/kpi`);
    const { device } = stored[0]!;
    assertEquals(model.exposures.total(campaignId, "device", device, server.nowMs(), 9), 1);
  }));

Deno.test("ingest: what follows an edit is judged by the edit", () =>
  withScene(async (scene) => {
    const { server, ingest, campaignId, items } = scene;
    const lengths = Array.from({ length: 40 }, (_, nth) => ["3d", "7d"][nth % 2]!);
    for (const length of lengths) {
      const action = { type: "hide", for: length };
      await server.expect(200, "PATCH", `/v1/campaigns/${campaignId}`, {
        body: { content: { buttons: [{ elementId: "later", label: "Later", action }] } },
      });
      const [one] = items(1) as [Interaction];
      await ingest.receive(bodyOf([{ ...one, kind: "hide", elementId: "later" }]));
    }
    const names = (await chunks(scene)).map(({ body }) => chunkItem(decodeChunk(body!), 0).name);
    assertEquals(names, lengths);
  }));
