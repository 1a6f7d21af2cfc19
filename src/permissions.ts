/**
 * Prints one permission flag for `deno task start`: just what the configuration names. Run by the task
 * before the server, because a task cannot give a variable a default.
 */
import { type Config, ConfigError, configFrom, isUrl } from "./config.ts";

/** The threads' own code is read when they start, other than that of the server. */
const threadCode = ["events", "projections", "src"];

function flag(kind: string | undefined, { kv, host }: Config): string {
  switch (kind) {
    case "net":
      // A KV Connect server may name any other hosts for its data.
      if (isUrl(kv)) return "--allow-net";
      return `--allow-net=${host.includes(":") ? `[${host}]` : host}`;
    case "read":
    case "write": {
      const code = kind === "read" ? threadCode : [];
      if (isUrl(kv) || kv === ":memory:") {
        return code.length > 0 ? `--allow-${kind}=${code}` : `--deny-${kind}`;
      }
      // The folder, because the database keeps two more files beside its own.
      const slash = Math.max(kv.lastIndexOf("/"), kv.lastIndexOf("\\"));
      const folder = slash < 0 ? "." : kv.slice(0, slash) || "/";
      // A flag cannot name such a folder: commas divide its list, and the task shell joins spaces.
      if (/,|^\s|\s$|\s\s/.test(folder)) return `--allow-${kind}`;
      return `--allow-${kind}=${[...code, folder]}`;
    }
    default:
      throw new Error("say net, read or write");
  }
}

try {
  console.log(flag(Deno.args[0], configFrom((name) => Deno.env.get(name))));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  // The server tells what is wrong, once.
  console.log(`--deny-${Deno.args[0]}`);
}
