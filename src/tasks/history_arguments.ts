/** What the tasks that read a history are told. */
import { resolve } from "node:path";
import { HistoryClient } from "../audit/mod.ts";
import { TaskError } from "./open_store.ts";

export function isWebAddress(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** A task runs in the folder of the configuration; paths are those of whoever calls it. */
export function givenPath(path: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
}

export function historyClient(url: string): HistoryClient {
  return new HistoryClient({
    url,
    key: Deno.env.get("PLACARD_AUDITOR_KEY"),
    fetch: (address, init) => fetch(address, init),
    pause: (ms) => new Promise((done) => setTimeout(done, ms)),
  });
}

/** A history's place, and what the caller has kept: the texts of `--since FILE` and `--key FILE`. */
export async function historyArguments(given: readonly string[], usage: string) {
  const places: string[] = [];
  const kept: { since?: string; key?: string } = {};
  for (let index = 0; index < given.length; index++) {
    const one = given[index]!;
    if (!one.startsWith("--")) {
      places.push(one);
      continue;
    }
    const [name, inline] = one.slice(2).split(/=(.*)/s);
    const path = inline ?? given[++index];
    if ((name !== "since" && name !== "key") || path === undefined) throw new TaskError(usage);
    kept[name] = await textOf(path);
  }
  if (places.length !== 1) throw new TaskError(usage);
  return { place: places[0]!, ...kept };
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(givenPath(path));
  } catch (error) {
    throw new TaskError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
