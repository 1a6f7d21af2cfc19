/**
 * Audiences and the campaigns that name them, decided by several instances on one store: whoever is
 * first, no active campaign is ever left without its audience.
 */
import { assert, assertEquals } from "@std/assert";
import { denokvEngine, fileEngine, memoryEngine, testOnEngines } from "../support/engines.ts";
import { openTestServer, type TestServer } from "../support/server.ts";

async function withInstances(
  stores: readonly Deno.Kv[],
  body: (...servers: TestServer[]) => Promise<void>,
): Promise<void> {
  const servers: TestServer[] = [];
  try {
    for (const kv of stores) servers.push(await openTestServer({ kv }));
    await body(...servers);
  } finally {
    for (const server of servers) await server.close();
  }
}

const codeOf = ({ status, json }: { status: number; json?: { code?: string } }) =>
  status < 300 ? "ok" : json!.code!;

testOnEngines("an audience is deleted or its campaign activated, never both", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const rounds = 24;
    const won = { delete: 0, activate: 0 };
    for (let round = 0; round < rounds; round++) {
      const { json: audience } = await one.expect(201, "POST", "/v1/audiences", {
        body: { name: `n${round}`, kind: "list" },
      });
      const named = round % 2 === 0 ? "audienceId" : "excludeAudienceId";
      const kind = round % 2 === 0 ? "audience" : "all";
      const id = await one.draft({ audience: { kind, [named]: audience.id } });
      const activated = () => one.request("POST", `/v1/campaigns/${id}/activate`);
      const deleted = () => two.request("DELETE", `/v1/audiences/${audience.id}`);
      // Who begins takes turns.
      const outcomes = round % 4 < 2
        ? await Promise.all([activated(), deleted()])
        : (await Promise.all([deleted(), activated()])).toReversed();
      const [activation, deletion] = outcomes.map(codeOf);
      if (activation === "ok") {
        assertEquals(deletion, "audience_in_use");
        won.activate++;
        await one.expect(200, "POST", `/v1/campaigns/${id}/stop`);
      } else {
        assertEquals([activation, deletion], ["campaign_incomplete", "ok"]);
        won.delete++;
      }
    }
    assertEquals(won.delete + won.activate, rounds);
  });
}, [fileEngine, memoryEngine, denokvEngine]);

testOnEngines("a draft is not given an audience that another instance deletes", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    for (let round = 0; round < 12; round++) {
      const { json: audience } = await one.expect(201, "POST", "/v1/audiences", {
        body: { name: `n${round}`, kind: "list" },
      });
      const id = await one.campaignIn("waiting_to_post");
      const body = { audience: { kind: "audience", audienceId: audience.id } };
      const [edited, deleted] = await Promise.all([
        one.request("PATCH", `/v1/campaigns/${id}`, { body }),
        two.request("DELETE", `/v1/audiences/${audience.id}`),
      ]);
      const outcome = [edited.status, deleted.status];
      assert(
        String(outcome) === "200,409" || String(outcome) === "422,204",
        `${outcome} ${edited.text} ${deleted.text}`,
      );
      await one.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    }
  });
}, [fileEngine, denokvEngine]);

testOnEngines("a list that another instance has just made takes members here", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const { json } = await one.expect(201, "POST", "/v1/audiences", {
      body: { name: "n", kind: "list" },
    });
    const path = `/v1/audiences/${json.id}`;
    const body = '{"op":"add","userId":"ann"}\n{"op":"add","userId":"bob"}\n';
    const headers = { "content-type": "application/x-ndjson" };
    const told = await Promise.all(
      [two, one, two].map((server) =>
        server.expect(200, "POST", `${path}/members`, { body, headers })
      ),
    );
    assertEquals(told.reduce((sum, { json }) => sum + json.added, 0), 2);
    assertEquals(told.reduce((sum, { json }) => sum + json.unchanged, 0), 4);
    for (const server of [one, two]) {
      const read = await server.expect(200, "GET", `${path}?after=${told[0]!.position}`);
      assertEquals(read.json.size, 2);
    }
  });
}, [fileEngine, denokvEngine]);
