/** What the tasks that read a history are told. */
import { resolve } from "node:path";
import { HistoryClient } from "../audit/mod.ts";

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
