/** A whole Placard with a campaign that posts, over a store that can be made to fail. */
import { assertEquals } from "@std/assert";
import { decodeChunk } from "../../events/interaction_chunk.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { cursorAtStart } from "../../src/event_store/mod.ts";
import type { Ingest, Interaction } from "../../src/ingest/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { type TestServer, type TestServerOptions, withServer } from "../support/server.ts";

export interface Scene {
  readonly server: TestServer;
  readonly ingest: Ingest;
  readonly kv: FaultyKv;
  readonly plain: Deno.Kv;
  readonly campaignId: string;
  /** So many impressions, with ids from `from` on. */
  items(count: number, from?: number): Interaction[];
}

export async function withScene(
  body: (scene: Scene) => Promise<void>,
  options: Pick<TestServerOptions, "openMaker" | "onBug"> = {},
): Promise<void> {
  const plain = await Deno.openKv(":memory:");
  const kv = new FaultyKv(plain);
  try {
    await withServer(async (server) => {
      const campaignId = await server.campaignIn("posting");
      const occurredAt = new Date(server.nowMs()).toISOString();
      const items = (count: number, from = 0) =>
        Array.from({ length: count }, (_, index): Interaction => ({
          id: `i${from + index}`,
          kind: "impression",
          campaignId,
          platform: "web",
          deviceId: `d${(from + index) % 50}`,
          occurredAt,
        }));
      await body({ server, ingest: server.placard.engine.ingest, kv, plain, campaignId, items });
      assertEquals(server.placard.engine.ingest.waitingItems, 0);
      await kv.heal();
    }, { ...options, kv: kv.asKv() });
  } finally {
    plain.close();
  }
}

/** The body of a request; an item may be anything. */
export const bodyOf = (items: readonly unknown[]): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ interactions: items }));

/** The chunks in the log. */
export async function chunks({ server }: Scene): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const row of server.placard.engine.reader.read(cursorAtStart)) {
    events.push(...row.events.filter(({ event }) => event.type === "interactions_recorded"));
  }
  return events;
}

export const countOf = ({ body }: RecordedEvent) => decodeChunk(body!).count;

/** As they are counted. */
export async function impressions({ server, campaignId }: Scene): Promise<number> {
  const path = `/v1/campaigns/${campaignId}/kpi`;
  return (await server.expect(200, "GET", path)).json.totalImpressions;
}

export const atOnce = <T>(count: number, make: (nth: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, nth) => make(nth)));
