/** Replay: folding the whole log into fresh read models, beside listing the same rows raw. */
import { cursorAtStart, keys, openLog } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { upcast } from "../../events/upcast.ts";
import type { Suite } from "../bench.ts";
import { load } from "../load.ts";
import { operatorKey, request, sdkKey, startPlacard } from "../process.ts";
import { createCampaigns } from "./campaigns.ts";
import { batches } from "./interactions.ts";

const campaignCount = 10_000;
const loadSeconds = 5;

export const replaySuite: Suite = {
  name: "replay",
  unit: "events",
  marks: {},

  async start() {
    const folder = await Deno.makeTempDir();
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, campaignCount);
    const live = await createCampaigns(placard.port, 10, { activate: true });
    const common = { port: placard.port, connections: 64, seconds: loadSeconds };
    await load({
      ...common,
      requests: ids.map((id) =>
        request("PATCH", `/v1/campaigns/${id}`, {
          key: operatorKey,
          body: JSON.stringify({ description: id }),
        })
      ),
    });
    await load({
      ...common,
      requests: batches(live, "replay").map((body) =>
        request("POST", "/v1/interactions", { key: sdkKey, body })
      ),
    });
    await placard.stop();
    const kv = await Deno.openKv(`${folder}/placard.kv`);
    const reader = await openLog(kv, upcast);
    // What a row holds does not change: events are counted once, interactions each as one.
    let total = 0;
    for await (const row of reader.read(cursorAtStart)) {
      for (const { event } of row.events) {
        total += event.type === "interactions_recorded"
          ? (event.data as { count: number }).count
          : 1;
      }
    }
    return {
      contenders: [
        {
          name: "raw kv.list of the log's rows and bodies",
          measure: async () => {
            const startedAtMs = performance.now();
            const [first, second] = [keys.logPrefix(reader.epoch), keys.body("", 0).slice(0, 2)];
            for (const prefix of [first, second]) {
              for await (const _ of kv.list({ prefix }, { batchSize: 500 }));
            }
            return { perSecond: total / ((performance.now() - startedAtMs) / 1000) };
          },
        },
        {
          name: "every read model folded anew",
          measure: async () => {
            const models = Object.values(mountedModels(kv)).map(({ create }) => create());
            const startedAtMs = performance.now();
            for await (const row of reader.read(cursorAtStart)) {
              for (const recorded of row.events) models.forEach((model) => model.fold(recorded));
            }
            return { perSecond: total / ((performance.now() - startedAtMs) / 1000) };
          },
        },
      ],
      stop: async () => {
        kv.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};
