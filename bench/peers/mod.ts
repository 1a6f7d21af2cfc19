/** Starts peers for a suite. What cannot be had is left out, and the report says why. */
import { installPeers, peersWanted, succeed } from "../install.ts";
import { startPeer } from "../process.ts";
import { type Postgresql, startPostgresql } from "./postgresql.ts";

export type { Postgresql };

export class Peers {
  #postgresql: Promise<Postgresql | null> | null = null;
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #skipped: string[] = [];

  /** Null, and said so in the report, where it cannot be had. */
  async postgresql(): Promise<Postgresql | null> {
    if (!peersWanted) return null;
    return await (this.#postgresql ??= this.#attempt("PostgreSQL", async () => {
      const started = await startPostgresql();
      this.#stops.push(started.stop);
      return started;
    }));
  }

  /** A peer's server on that database; gives its port. */
  async server(
    name: string,
    script: string,
    ...args: readonly string[]
  ): Promise<number | null> {
    const postgresql = await this.postgresql();
    if (!postgresql) return null;
    return await this.#attempt(name, async () => {
      const { port, stop } = await startPeer(script, [postgresql.url, ...args]);
      this.#stops.push(stop);
      return port;
    });
  }

  /** A script that measures something on that database and prints its rate. */
  async rate(script: string, ...args: readonly string[]): Promise<number> {
    const postgresql = await this.postgresql();
    if (!postgresql) throw new Error("there is no PostgreSQL");
    await installPeers();
    const path = new URL(`node/${script}`, import.meta.url).pathname;
    return Number((await succeed("node", [path, postgresql.url, ...args])).split("\n").at(-1));
  }

  /** For the report. */
  get notes(): string {
    return this.#skipped.map((text) => `Skipped: ${text}\n`).join("");
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop();
  }

  async #attempt<Started>(name: string, start: () => Promise<Started>): Promise<Started | null> {
    try {
      return await start();
    } catch (error) {
      this.#skipped.push(`${name}: ${(error as Error).message.split("\n")[0]}`);
      return null;
    }
  }
}
