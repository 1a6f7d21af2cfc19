/** From server to server: whoever followed or audited the source goes on at the target. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { signerOf, verifierKey } from "../../src/audit/tlog/mod.ts";
import { minimal } from "../events/settings_examples.ts";
import { processKeys, runTask, ServerProcess, withFolder } from "../support/process.ts";

const strangersKey = verifierKey(signerOf("stranger.example", new Uint8Array(32).fill(9)));

Deno.test("import: a tailer of the source goes on at the target, and so does its auditor", () =>
  withFolder(async (folder) => {
    const source = await ServerProcess.start({ kv: `${folder}/source.kv` });
    const draft = (server: ServerProcess, name: string) =>
      server.expect(201, "POST", "/v1/campaigns", { body: { ...minimal.modal_text, name } });
    const save = async (server: ServerProcess, path: string, file: string) => {
      const { text } = await server.expect(200, "GET", path, { role: "auditor" });
      await Deno.writeTextFile(`${folder}/${file}`, text);
    };
    for (let nth = 0; nth < 12; nth++) {
      await draft(source, `number ${nth}`);
      if (nth !== 5) continue;
      await save(source, "/v1/audit/key", "key.txt");
      await save(source, "/v1/audit/checkpoint", "older.txt");
      await source.expect(200, "POST", "/v1/audit/key/rotate", { body: { reason: "yearly" } });
    }
    const env = { PLACARD_AUDITOR_KEY: processKeys.auditor, INIT_CWD: folder };
    const url = `http://127.0.0.1:${source.port}`;
    const taken = await runTask("export", [url, "history"], "unused", env);
    assertEquals(taken.code, 0, taken.output);
    const before = await linesOf(source);
    await source.stop();
    const kept = ["--since", "older.txt", "--key", "key.txt"];
    await Deno.writeTextFile(`${folder}/strange.txt`, strangersKey);
    const strange = ["history", "--key", "strange.txt"];
    const refused = await runTask("import", strange, `${folder}/target.kv`, env);
    assertEquals([refused.code, refused.output.trim().split("\n").length], [1, 1]);
    assertStringIncludes(refused.output, "is not signed by the key that is to be trusted");
    const done = await runTask("import", ["history", ...kept], `${folder}/target.kv`, env);
    assertEquals(done.code, 0, done.output);
    assertStringIncludes(done.output, `imported ${before.length} events`);

    const target = await ServerProcess.start({ kv: `${folder}/target.kv` });
    try {
      assertEquals((await linesOf(target)).slice(0, before.length), before);
      const seenLast = JSON.parse(before[4]!).position;
      const gone = new AbortController();
      const stream = await fetch(`http://127.0.0.1:${target.port}/v1/events`, {
        headers: {
          authorization: `Bearer ${processKeys.auditor}`,
          accept: "text/event-stream",
          "last-event-id": seenLast,
        },
        signal: gone.signal,
      });
      assertEquals(stream.status, 200);
      const { position } = await draft(target, "new");
      const seen: string[] = [];
      let text = "";
      for await (const part of stream.body!.pipeThrough(new TextDecoderStream())) {
        text += part;
        const messages = text.split("\n\n");
        text = messages.pop()!;
        seen.push(...messages.flatMap((one) => /^data: ?(.*)$/m.exec(one)?.[1] ?? []));
        if (seen.some((line) => JSON.parse(line).position === position)) break;
      }
      gone.abort();
      const all = await linesOf(target);
      assertEquals(seen, all.slice(5, 5 + seen.length));
      assertEquals(seen.length, all.length - 5);
      const positions = all.map((line) => JSON.parse(line).position as string);
      assertEquals(positions, positions.toSorted());
      assertEquals(new Set(positions).size, positions.length);
      assert(position.startsWith("0002-"));

      const address = `http://127.0.0.1:${target.port}`;
      await save(target, "/v1/audit/key", "new_key.txt");
      const bySelf = ["--since", "older.txt", "--key", "new_key.txt"];
      const holds = await runTask("verify", [address, ...bySelf], "unused", env);
      assertEquals(holds.code, 0, holds.output);
      assert(!holds.output.includes("note:"), holds.output);
      // Whoever had the old key has not signed what came after.
      const by = await runTask("verify", [address, ...kept], "unused", env);
      assertEquals(by.code, 1);
      assertStringIncludes(by.output, `the first ${before.length} events were taken over from`);
    } finally {
      await target.stop();
    }
  }));

async function linesOf(server: ServerProcess): Promise<string[]> {
  const headers = { accept: "application/x-ndjson" };
  const { text } = await server.expect(200, "GET", "/v1/events", { role: "auditor", headers });
  return text.trimEnd().split("\n");
}
