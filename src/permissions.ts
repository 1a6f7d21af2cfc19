/**
 * Prints one permission list for `deno task start`: just what the configuration names. Run by the task
 * before the server, because a task cannot give a variable a default.
 */
import { configFrom } from "./config.ts";

const config = configFrom((name) => Deno.env.get(name));
const isUrl = /^https?:/.test(config.kv);

function list(): string[] {
  switch (Deno.args[0]) {
    case "net": {
      // A KV Connect server may name other hosts for its data.
      if (isUrl) return ["*"];
      return [config.host.includes(":") ? `[${config.host}]` : config.host];
    }
    case "files": {
      if (isUrl || config.kv === ":memory:") return [];
      // The folder, because the database keeps two more files beside its own.
      const slash = Math.max(config.kv.lastIndexOf("/"), config.kv.lastIndexOf("\\"));
      return [slash < 0 ? "." : config.kv.slice(0, slash) || "/"];
    }
    default:
      throw new Error("say net or files");
  }
}

console.log(list().map((one) => one.replaceAll(",", ",,")).join(","));
