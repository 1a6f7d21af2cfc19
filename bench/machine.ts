/** What the figures were measured on. */
import { generatorName } from "./load/load.ts";
import { peersWanted, programPath, succeed } from "./install.ts";
import { roundCount, secondsPerRound } from "./compare.ts";

export async function machineFacts(command: string): Promise<string> {
  const { total } = Deno.systemMemoryInfo();
  const initdb = peersWanted ? await programPath("initdb", "postgresql") : null;
  const lines = [
    `command: \`${command}\``,
    `CPU: ${await cpuModel()}, ${navigator.hardwareConcurrency} cores; ` +
    `RAM: ${Math.round(total / 2 ** 30)} GiB; disk: ${await disk()}; Linux ${Deno.osRelease()}`,
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}; ` +
    `Node ${await version("node", ["--version"])}; PostgreSQL ` +
    (initdb ? await version(initdb, ["--version"]) : peersWanted ? "not there" : "not asked for"),
    `${roundCount} rounds of ${secondsPerRound} s, contenders in turn; ` +
    `load: ${await generatorName()}, on the same cores`,
  ];
  return lines.map((line) => `- ${line}`).join("\n");
}

async function cpuModel(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /model name\s*: (.*)/.exec(info)?.[1] ?? "unknown";
}

/** The file system that temporary folders are on. */
async function disk(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const line = await version("df", ["--output=source,fstype,size", "-h", folder]);
  await Deno.remove(folder);
  return line.split("\n").at(-1)!.replace(/\s+/g, " ");
}

async function version(program: string, args: readonly string[]): Promise<string> {
  const text = await succeed(program, args).catch(() => "not there");
  return text.replace(/^initdb \(PostgreSQL\) /, "").replace(/^v(?=\d)/, "");
}
