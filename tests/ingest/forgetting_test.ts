/** Whoever is forgotten, here or by another instance, gets a new number from the next interaction on. */
import { assert, assertEquals } from "@std/assert";
import { chunkItem, decodeChunk } from "../../events/interaction_chunk.ts";
import { makerInProcess, makerOnThread } from "../../src/ingest/mod.ts";
import { withServer } from "../support/server.ts";
import { bodyOf, chunks, withScene } from "./scene.ts";

for (const [where, openMaker] of [["here", makerInProcess], ["a thread", makerOnThread]] as const) {
  Deno.test(`forgetting: the maker in ${where} knows the number no more`, () =>
    withScene(async (scene) => {
      const { server, plain, items } = scene;
      const one = { ...items(1)[0]!, deviceId: "device", userId: "user" };
      const report = async (id: string) => {
        const { accepted } = await scene.ingest.receive(bodyOf([{ ...one, id }]));
        assertEquals(accepted, 1);
      };
      await report("a");
      await report("b");
      await server.expect(204, "DELETE", "/v1/users/user");
      await server.expect(204, "DELETE", "/v1/devices/device");
      await report("c");
      await withServer(async (other) => {
        await other.expect(204, "DELETE", "/v1/users/user");
      }, { kv: plain, nowMs: server.nowMs });
      await server.placard.engine.tail.poll();
      await report("d");
      const stored = (await chunks(scene)).map(({ body }) => chunkItem(decodeChunk(body!), 0));
      const devices = stored.map(({ device }) => device), users = stored.map(({ user }) => user);
      assertEquals([devices[0], users[0]], [devices[1], users[1]]);
      assert(devices[2]! > devices[1]! && users[2]! > users[1]!);
      assert(devices[3] === devices[2] && users[3]! > users[2]!);
    }, { openMaker }));
}
