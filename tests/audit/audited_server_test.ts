/** What an auditor does with a server: export, verify, and again after a while, as the tasks do it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { range } from "../event_store/counters.ts";
import { minimal } from "../events/settings_examples.ts";
import { processKeys, runTask, ServerProcess, withFolder } from "../support/process.ts";

const auditor = { role: "auditor" as const };

async function post(server: ServerProcess): Promise<string> {
  const nowMs = Date.now();
  const at = (aheadMs: number) => new Date(nowMs + aheadMs).toISOString();
  const schedule = { startAt: at(-60_000), endAt: at(86_400_000) };
  const body = { ...minimal.modal_text, schedule };
  const { id } = (await server.expect(201, "POST", "/v1/campaigns", { body })).json;
  await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
  return id;
}

async function interact(server: ServerProcess, campaignId: string, first: number): Promise<void> {
  const interactions = range(50).map((nth) => ({
    id: `i${first + nth}`,
    kind: nth % 3 === 0 ? "click" : "impression",
    campaignId,
    platform: "web",
    deviceId: `device-of-somebody-${nth}`,
    userId: `somebody-${nth}`,
    occurredAt: new Date().toISOString(),
  }));
  const body = { interactions };
  const { json } = await server.expect(202, "POST", "/v1/interactions", { role: "sdk", body });
  assertEquals(json.accepted, interactions.length);
}

Deno.test("audit: a server is exported and verified, again and again", async () => {
  await withFolder(async (folder) => {
    const server = await ServerProcess.start({ kv: `${folder}/placard.kv` });
    try {
      const url = `http://127.0.0.1:${server.port}`;
      const task = async (script: string, ...args: string[]) => {
        const env = { PLACARD_AUDITOR_KEY: processKeys.auditor, INIT_CWD: folder };
        return await runTask(script, args, "unused", env);
      };
      const holds = async (...args: string[]) => {
        const { code, output } = await task("verify", ...args);
        assertEquals(code, 0, output);
        assertStringIncludes(output, "every check holds");
        return output;
      };
      const save = async (path: string, file: string) =>
        await Deno.writeTextFile(
          `${folder}/${file}`,
          (await server.expect(200, "GET", path, auditor)).text,
        );
      const campaignId = await post(server);
      await interact(server, campaignId, 0);
      await save("/v1/audit/key", "key.txt");
      await save("/v1/audit/checkpoint", "older.txt");
      const taken = await task("export", url, "history");
      assertEquals(taken.code, 0, taken.output);
      assertStringIncludes(await holds("history"), "the key that came with the history was used");
      await server.expect(204, "DELETE", `/v1/campaigns/${(await draft(server)).id}`);
      await interact(server, campaignId, 100);
      await server.expect(204, "DELETE", "/v1/users/somebody-1");
      await server.expect(200, "POST", "/v1/audit/key/rotate", { body: { reason: "yearly" } });
      await interact(server, campaignId, 200);
      assertEquals((await task("export", url, "history")).code, 0);
      for (const place of ["history", url]) {
        const output = await holds(place, "--since", "older.txt", "--key", "key.txt");
        assert(!output.includes("note:"), output);
      }
      for await (const { name, isFile } of Deno.readDir(`${folder}/history`)) {
        if (!isFile) continue;
        const bytes = await Deno.readFile(`${folder}/history/${name}`);
        assert(!new TextDecoder("latin1").decode(bytes).includes("somebody"), name);
      }
      const file = `${folder}/history/events-000000.ndjson`;
      const lines = (await Deno.readTextFile(file)).split("\n");
      const line = lines.findIndex((text) => text.includes('"type":"campaign_created"'));
      lines[line] = lines[line]!.replace('"version":1', '"version":2');
      await Deno.writeTextFile(file, lines.join("\n"));
      const altered = await task("verify", "history");
      assertEquals(altered.code, 1);
      assertStringIncludes(altered.output, `fault: events-000000.ndjson line ${line + 1} `);
    } finally {
      await server.stop();
    }
  });
});

async function draft(server: ServerProcess): Promise<{ id: string }> {
  return (await server.expect(201, "POST", "/v1/campaigns", { body: minimal.modal_text })).json;
}
