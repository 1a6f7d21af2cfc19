import { assert, assertEquals, assertMatch } from "@std/assert";

const columnsMax = 100;

Deno.test("the demo runs, counts twice the same, and is as wide as a terminal", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "demo/demo.ts"],
    cwd: new URL("..", import.meta.url),
  }).output();
  const printed = new TextDecoder().decode(stdout);
  assertEquals(new TextDecoder().decode(stderr), "", printed);
  assertEquals(code, 0, printed);
  assertMatch(printed, /\ball [\d,]+ figures agree\.\n/);
  for (const line of printed.split("\n")) assert(line.length <= columnsMax, line);
});
