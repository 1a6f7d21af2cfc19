/** The campaigns as delivery looks at them: whole, whatever happens while a snapshot is being read. */
import { assert, assertEquals } from "@std/assert";
import { type CampaignRow, CampaignsProjection } from "../../projections/campaigns.ts";
import { LiveCampaigns } from "../../src/delivery/live_campaigns.ts";
import { type Snapshot, SnapshotDamagedError, type Snapshots } from "../../src/snapshots/mod.ts";

function rowOf(id: string, snapshotId: string | null): CampaignRow {
  return {
    id,
    status: "posting",
    settings: {
      name: "A campaign",
      type: "modal_text",
      audience: snapshotId ? { kind: "audience", audienceId: "a" } : { kind: "all" },
    },
    version: 1,
    contentRevision: 1,
    copiedFrom: null,
    createdAtMs: 0,
    updatedAtMs: 0,
    settingsChangedAtMs: 0,
    revisions: [],
    snapshotId,
    tests: [],
    deliveryChangedPosition: "",
  };
}

/** Snapshots that are read when the test says so. */
class Shelf {
  readonly held = new Map<string, Snapshot>();
  readonly reading = new Map<string, PromiseWithResolvers<Snapshot | null>>();

  get(id: string): Snapshot | undefined {
    return this.held.get(id);
  }

  load(id: string): Promise<Snapshot | null> {
    const reading = Promise.withResolvers<Snapshot | null>();
    this.reading.set(id, reading);
    return reading.promise;
  }

  arrive(id: string): void {
    const snapshot = { id, members: null, excluded: null, size: 0, digest: "" };
    this.held.set(id, snapshot);
    this.reading.get(id)!.resolve(snapshot);
  }
}

function scene() {
  const model = new CampaignsProjection();
  const shelf = new Shelf();
  const goesLive = (row: CampaignRow) => {
    (model.live as Map<string, CampaignRow>).set(row.id, row);
    (model.deliveryChanges as { count: number }).count++;
  };
  const live = new LiveCampaigns(() => model, () => "UTC", shelf as unknown as Snapshots);
  return { model, shelf, goesLive, live };
}

/** "campaign snapshot" of each view. */
async function seen(live: LiveCampaigns): Promise<string[]> {
  return (await live.views()).live.map(({ row, showable }) =>
    `${row.id} ${showable.snapshot?.id ?? "none"}`
  );
}

Deno.test("live campaigns: one that goes live while a snapshot is read has its own", async () => {
  const { shelf, goesLive, live } = scene();
  goesLive(rowOf("a", "s1"));
  const views = seen(live);
  goesLive(rowOf("b", "s2"));
  shelf.arrive("s1");
  while (!shelf.reading.has("s2")) await Promise.resolve();
  shelf.arrive("s2");
  assertEquals(await views, ["a s1", "b s2"]);
});

Deno.test("live campaigns: a damaged snapshot and one that is gone are asked for once", async () => {
  const { shelf, goesLive, live } = scene();
  goesLive(rowOf("a", "damaged"));
  goesLive(rowOf("b", "gone"));
  goesLive(rowOf("c", null));
  const views = seen(live);
  shelf.reading.get("damaged")!.reject(new SnapshotDamagedError("it is damaged"));
  shelf.reading.get("gone")!.resolve(null);
  assertEquals(await views, ["a none", "b none", "c none"]);
  shelf.reading.clear();
  goesLive(rowOf("d", null));
  assertEquals((await seen(live)).length, 4);
  assertEquals([...shelf.reading.keys()], []);
});

Deno.test("live campaigns: a store that fails is told, and asked again", async () => {
  const { shelf, goesLive, live } = scene();
  goesLive(rowOf("a", "s1"));
  const first = seen(live);
  shelf.reading.get("s1")!.reject(new Error("no store"));
  const failure = await first.then(() => null, (error) => error);
  assertEquals(failure?.message, "no store");
  const second = seen(live);
  shelf.arrive("s1");
  assertEquals(await second, ["a s1"]);
});

Deno.test("live campaigns: what has not changed is the same view", async () => {
  const { goesLive, live } = scene();
  goesLive(rowOf("a", null));
  const before = await live.views();
  goesLive(rowOf("b", null));
  const after = await live.views();
  assert(before !== after && before.live[0] === after.live[0]);
});
