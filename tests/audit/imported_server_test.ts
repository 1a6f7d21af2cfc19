/** From server to server: a tailer of the source goes on at the target, and sees old and new in order. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { minimal } from "../events/settings_examples.ts";
import { processKeys, runTask, ServerProcess, withFolder } from "../support/process.ts";

Deno.test("import: a tailer of the source goes on at the target", () =>
  withFolder(async (folder) => {
    const source = await ServerProcess.start({ kv: `${folder}/source.kv` });
    const draft = (server: ServerProcess, name: string) =>
      server.expect(201, "POST", "/v1/campaigns", { body: { ...minimal.modal_text, name } });
    for (let nth = 0; nth < 12; nth++) await draft(source, `number ${nth}`);
    const env = { PLACARD_AUDITOR_KEY: processKeys.auditor, INIT_CWD: folder };
    const url = `http://127.0.0.1:${source.port}`;
    const taken = await runTask("export", [url, "history"], "unused", env);
    assertEquals(taken.code, 0, taken.output);
    const before = await linesOf(source);
    await source.stop();
    const done = await runTask("import", ["history"], `${folder}/target.kv`, env);
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
    } finally {
      await target.stop();
    }
  }));

async function linesOf(server: ServerProcess): Promise<string[]> {
  const headers = { accept: "application/x-ndjson" };
  const { text } = await server.expect(200, "GET", "/v1/events", { role: "auditor", headers });
  return text.trimEnd().split("\n");
}
