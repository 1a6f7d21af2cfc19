/** Claims with real processes: one of 64 is granted, on two instances, and stays granted after a kill. */
import { assertEquals } from "@std/assert";
import { minimal } from "../events/settings_examples.ts";
import { denokvEngine } from "../support/engines.ts";
import { ServerProcess, withFolder } from "../support/process.ts";

const dayMs = 24 * 60 * 60 * 1000;

async function cappedCampaign(server: ServerProcess): Promise<string> {
  const instant = (ms: number) => new Date(Date.now() + ms).toISOString();
  const body = {
    ...minimal.modal_text,
    schedule: { startAt: instant(-60_000), endAt: instant(7 * dayMs) },
    exposure: { caps: [{ per: "total", by: "user", max: 1 }] },
  };
  const { id } = (await server.expect(201, "POST", "/v1/campaigns", { body })).json;
  await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
  return id;
}

/** "granted", or why not; of 64 claims at once, from two devices of one user. */
function claimAll(servers: readonly ServerProcess[], campaignId: string): Promise<string[]> {
  return Promise.all(Array.from({ length: 64 }, async (_, nth) => {
    const body = { claimId: `c${nth}`, campaignId, deviceId: `d${nth % 2}`, userId: "u" };
    const server = servers[nth % servers.length]!;
    const { json } = await server.expect(200, "POST", "/v1/delivery/claim", { role: "sdk", body });
    return json.granted ? "granted" : json.code;
  }));
}

function assertOne(answers: readonly string[]): void {
  const expected = ["granted", ...Array(63).fill("cap_total_user")];
  assertEquals(answers.toSorted(), expected.toSorted());
}

Deno.test("one of 64 claims is granted, and it is the same one after SIGKILL", () =>
  withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    let server = await ServerProcess.start({ kv });
    try {
      const id = await cappedCampaign(server);
      const before = await claimAll([server], id);
      assertOne(before);
      await server.kill();
      server = await ServerProcess.start({ kv });
      assertEquals(await claimAll([server], id), before);
      assertEquals(/bug:/.test(server.output), false, server.output);
    } finally {
      await server.kill();
    }
  }));

Deno.test({
  name: "one of 64 claims is granted over two processes, and after both were killed",
  ignore: denokvEngine.ignore,
  fn: async () => {
    const store = await denokvEngine.open();
    const kv = store.address!;
    const servers = await Promise.all([ServerProcess.start({ kv }), ServerProcess.start({ kv })]);
    try {
      const id = await cappedCampaign(servers[0]!);
      const before = await claimAll(servers, id);
      assertOne(before);
      for (const server of servers) await server.kill();
      servers.splice(
        0,
        2,
        ...await Promise.all([ServerProcess.start({ kv }), ServerProcess.start({ kv })]),
      );
      // Each is asked for what the other one answered before.
      const turned = await claimAll(servers.toReversed(), id);
      assertEquals(turned, before);
      for (const { output } of servers) assertEquals(/bug:/.test(output), false, output);
    } finally {
      for (const server of servers) await server.kill();
      await store.close();
    }
  },
});

if (denokvEngine.ignore) console.log("skipped: claims over two processes: no denokv");
