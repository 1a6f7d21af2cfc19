/** Snapshots at hand, and as they stand in the store. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { Members } from "../../src/snapshots/members.ts";
import {
  measuredSnapshot,
  SnapshotDamagedError,
  type SnapshotHead,
  Snapshots,
} from "../../src/snapshots/snapshots.ts";
import { FaultyKv } from "../support/faulty_kv.ts";

async function withKv(body: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    await body(kv);
  } finally {
    kv.close();
  }
}

/** Stores one that has these users. */
async function store(kv: Deno.Kv, id: string, users: readonly number[]): Promise<void> {
  const members = new Members();
  for (const user of users) members.add("user", user);
  for (const block of members.takeDirty()) {
    await kv.set(keys.snapshotBlock(id, "members", "user", block.block), members.encode(block));
  }
  const head: SnapshotHead = {
    size: members.size,
    digest: "told",
    parts: ["members"],
    blocks: members.blockCount,
    scanned: 10,
    matched: members.size,
    attempts: 1,
  };
  await kv.set(keys.snapshotHead(id), head);
}

Deno.test("everybody is always at hand", () =>
  withKv(async (kv) => {
    const snapshots = new Snapshots(kv);
    const everybody = { id: "all", members: null, excluded: null, size: null, digest: null };
    assertEquals(snapshots.get("all"), everybody);
    assertEquals(await snapshots.load("all"), everybody);
  }));

Deno.test("one is read once, by however many who ask, and then at hand", () =>
  withKv(async (plain) => {
    await store(plain, "snap_1", [3, 300_000]);
    const kv = new FaultyKv(plain);
    const snapshots = new Snapshots(kv.asKv());
    assertEquals(snapshots.get("snap_1"), undefined);
    const [one, other] = await Promise.all([snapshots.load("snap_1"), snapshots.load("snap_1")]);
    assert(one === other && one === snapshots.get("snap_1"));
    assertEquals(kv.calls.list, 2);
    assertEquals([one!.size, one!.digest, one!.excluded], [2, "told", null]);
    assertEquals([3, 300_000, 4].map((user) => one!.members!.has("user", user)), [
      true,
      true,
      false,
    ]);
    assertEquals(await snapshots.load("nothing"), null);
    assertEquals(await measuredSnapshot(plain, "nothing"), null);
  }));

Deno.test("a store that fails for a moment is asked again", () =>
  withKv(async (plain) => {
    await store(plain, "snap_1", [3]);
    const kv = new FaultyKv(plain);
    kv.fail("throw before", { method: "list", times: 2 });
    kv.fail("busy", { method: "get" });
    assertEquals((await new Snapshots(kv.asKv()).load("snap_1"))!.size, 1);
  }));

Deno.test("one that is not whole is never given out", () =>
  withKv(async (kv) => {
    await store(kv, "snap_1", [3, 300_000]);
    await kv.delete(keys.snapshotBlock("snap_1", "members", "user", 1));
    const snapshots = new Snapshots(kv);
    await assertRejects(() => snapshots.load("snap_1"), SnapshotDamagedError, "1 blocks of 2");
    await kv.set(keys.snapshotBlock("snap_1", "members", "user", 1), new Uint8Array(5));
    await assertRejects(() => snapshots.load("snap_1"), SnapshotDamagedError, "cannot be read");
    assertEquals(snapshots.get("snap_1"), undefined);
  }));

Deno.test("those that nobody is delivered by make room, the longest unused first", () =>
  withKv(async (kv) => {
    const snapshots = new Snapshots(kv);
    for (let nth = 0; nth < 20; nth++) {
      await store(kv, `snap_${nth}`, [nth + 1]);
      await snapshots.load(`snap_${nth}`);
      snapshots.get("snap_0");
    }
    assertEquals(snapshots.get("snap_0")?.size, 1);
    assertEquals(snapshots.get("snap_1"), undefined);
    assertEquals(snapshots.get("snap_19")?.size, 1);
    assertEquals((await snapshots.load("snap_1"))!.members!.has("user", 2), true);
  }));
