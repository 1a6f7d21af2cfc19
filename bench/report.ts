/** The part of `docs/performance.md` that the bench writes; what stands around it is left alone. */
const path = new URL("../docs/performance.md", import.meta.url).pathname;
const begin = (suite: string) => `<!-- bench:${suite} -->`;
const end = "<!-- /bench -->";

/** Replaces the part of a suite, or adds it at the end. */
export async function writeReport(suite: string, markdown: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const part = `${begin(suite)}\n\n${markdown}\n\n${end}`;
  const from = text.indexOf(begin(suite));
  const to = text.indexOf(end, from);
  const written = from < 0 || to < 0
    ? `${text.trimEnd()}\n\n${part}\n`
    : text.slice(0, from) + part + text.slice(to + end.length);
  await Deno.writeTextFile(path, written);
  // Tables are aligned like everywhere else.
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
}
