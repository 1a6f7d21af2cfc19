/**
 * A verifier that is not ours: Go's own packages for transparency logs check our checkpoint, proofs out
 * of our tiles, and that a newer checkpoint continues an older one.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openTestServer, presetKeys } from "../support/server.ts";

const folder = new URL("go", import.meta.url).pathname;

async function go(args: readonly string[], env: Record<string, string> = {}) {
  for (const program of ["go", "/usr/local/go/bin/go"]) {
    try {
      const { success, stdout, stderr } = await new Deno.Command(program, {
        args: [...args],
        cwd: folder,
        env: { GOFLAGS: "-mod=mod", ...env },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { success: false, output: "there is no go" };
}

const ready = await go(["mod", "download"]);
if (!ready.success) console.log(`skipped: the verifier in Go (${ready.output.trim()})`);

Deno.test({
  name: "Go's packages verify checkpoint, inclusion and consistency, and notice another history",
  ignore: !ready.success,
  fn: async () => {
    const server = await openTestServer({ checkedShare: 50 });
    const files = await Deno.makeTempDir();
    const http = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => server.placard.answer(request),
    );
    try {
      const edits = async (count: number) => {
        const id = await server.draft();
        for (let nth = 0; nth < count; nth++) {
          const body = { description: `edit ${nth}` };
          await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body });
        }
      };
      const key = await server.expect(200, "GET", "/v1/audit/key");
      await Deno.writeTextFile(`${files}/key`, key.text);
      const program = `${files}/verify`;
      const built = await go(["build", "-o", program, "."]);
      assertEquals(built, { success: true, output: built.output });
      const verify = async (...args: string[]) => {
        const { success, stdout, stderr } = await new Deno.Command(program, {
          args: [`http://127.0.0.1:${http.addr.port}`, `${files}/key`, ...args],
          env: { TOKEN: presetKeys.auditor },
        }).output();
        const decoder = new TextDecoder();
        return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
      };
      await edits(20);
      const first = await verify(`${files}/1`);
      assertEquals(first, { success: true, output: first.output });
      await edits(600);
      const second = await verify(`${files}/2`, `${files}/1`);
      assertEquals(second, { success: true, output: second.output });
      assertMatch(second.output, /^entry 0 is in the tree of \d{3}$/m);
      assertMatch(second.output, /^the tree of \d{3} continues the tree of \d+$/m);
      // A checkpoint whose text was changed is signed by nobody.
      const note = await Deno.readTextFile(`${files}/1`);
      await Deno.writeTextFile(`${files}/forged`, note.replace(/\n\d+\n/, "\n7\n"));
      const forged = await verify(`${files}/3`, `${files}/forged`);
      assertEquals(forged.success, false);
      assertStringIncludes(forged.output, "invalid signature");
    } finally {
      await http.shutdown();
      await server.close();
      await Deno.remove(files, { recursive: true });
    }
  },
});
