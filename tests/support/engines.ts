/**
 * The stores that the contract of the event store is tested on: a SQLite file, memory, a real denokv
 * server (KV Connect), and a faulty store over memory. A test asks `engines` and opens each anew.
 */
import { FaultyKv, type FaultyKvOptions } from "./faulty_kv.ts";

export interface OpenStore {
  readonly kv: Deno.Kv;
  /** The same data without injected faults, for what a test asserts. */
  readonly plain: Deno.Kv;
  /** Another handle on the same data, where the engine has one; else the same handle. */
  second(): Promise<Deno.Kv>;
  /** Closes every handle and opens the data again; an engine in memory only gives its handle. */
  reopen(): Promise<Deno.Kv>;
  /** Where another process can open it with `Deno.openKv`. */
  readonly address?: string;
  /** Kills the server and starts it again on the same data; only a server has it. */
  restart?(): Promise<void>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  /** True where this machine lacks it. */
  readonly ignore: boolean;
  /** A commit is made while calls fail at random: counts of calls mean nothing. */
  readonly faulty: boolean;
  open(): Promise<OpenStore>;
}

const denokvPath = new URL("../../.tools/bin/denokv", import.meta.url).pathname;
const denokvMissing = !exists(denokvPath);
const accessToken = "placard-contract-tests";

/** The seed of the faulty engine; `PLACARD_TEST_SEED=7 deno test …` tries another. */
export const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_250_101);

/** The faults of the faulty engine; a call may also be delayed. */
export const usualFaults: FaultyKvOptions = {
  faults: { "throw before": 0.05, "throw after": 0.05, busy: 0.05, late: 0.03, resend: 0.05 },
  delay: 0.1,
  delayMsMax: 2,
};

export const fileEngine: Engine = { name: "file", ignore: false, faulty: false, open: openFile };
export const memoryEngine: Engine = {
  name: ":memory:",
  ignore: false,
  faulty: false,
  open: openMemory,
};
export const denokvEngine: Engine = {
  name: "denokv",
  ignore: denokvMissing,
  faulty: false,
  open: openDenokv,
};
export const faultyEngine: Engine = {
  name: `faulty, seed ${seed}`,
  ignore: false,
  faulty: true,
  open: openFaulty,
};

export const engines: readonly Engine[] = [fileEngine, memoryEngine, denokvEngine, faultyEngine];

if (denokvMissing) console.log("skipped: denokv is not installed, run deno task denokv");

/** One test for each engine. */
export function testOnEngines(
  name: string,
  body: (store: OpenStore, engine: Engine) => Promise<void>,
  on: readonly Engine[] = engines,
): void {
  for (const engine of on) {
    Deno.test({
      name: `${name} [${engine.name}]`,
      ignore: engine.ignore,
      fn: async () => {
        const store = await engine.open();
        try {
          await body(store, engine);
        } finally {
          await store.close();
        }
      },
    });
  }
}

async function openFile(): Promise<OpenStore> {
  const folder = await Deno.makeTempDir({ prefix: "placard-kv-" });
  const path = `${folder}/store.sqlite`;
  const handles = [await Deno.openKv(path)];
  const closeAll = () => handles.splice(0).forEach((kv) => kv.close());
  return {
    get kv() {
      return handles[0]!;
    },
    get plain() {
      return handles[0]!;
    },
    address: path,
    second: async () => {
      const kv = await Deno.openKv(path);
      handles.push(kv);
      return kv;
    },
    reopen: async () => {
      closeAll();
      handles.push(await Deno.openKv(path));
      return handles[0]!;
    },
    close: async () => {
      closeAll();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function openMemory(): Promise<OpenStore> {
  const kv = await Deno.openKv(":memory:");
  return {
    kv,
    plain: kv,
    second: () => Promise.resolve(kv),
    reopen: () => Promise.resolve(kv),
    close: () => Promise.resolve(kv.close()),
  };
}

async function openFaulty(): Promise<OpenStore> {
  const plain = await Deno.openKv(":memory:");
  let next = seed;
  const faulty = () => new FaultyKv(plain, { ...usualFaults, seed: next++ });
  const handles: FaultyKv[] = [faulty()];
  const another = () => {
    handles.push(faulty());
    return Promise.resolve(handles.at(-1)!.asKv());
  };
  return {
    kv: handles[0]!.asKv(),
    plain,
    second: another,
    reopen: another,
    close: async () => {
      for (const handle of handles) await handle.heal();
      plain.close();
    },
  };
}

async function openDenokv(): Promise<OpenStore> {
  const folder = await Deno.makeTempDir({ prefix: "placard-denokv-" });
  const port = freePort();
  const address = `http://127.0.0.1:${port}`;
  const start = async () => {
    const server = new Deno.Command(denokvPath, {
      args: ["--sqlite-path", `${folder}/store.sqlite`, "serve"]
        .concat(["--addr", `127.0.0.1:${port}`, "--access-token", accessToken]),
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers(address);
    return server;
  };
  let server = await start();
  Deno.env.set("DENO_KV_ACCESS_TOKEN", accessToken);
  const handles = [await Deno.openKv(address)];
  const closeAll = () => handles.splice(0).forEach((kv) => kv.close());
  const stop = async (signal: Deno.Signal) => {
    server.kill(signal);
    await server.status;
  };
  return {
    get kv() {
      return handles[0]!;
    },
    get plain() {
      return handles[0]!;
    },
    address,
    second: async () => {
      const kv = await Deno.openKv(address);
      handles.push(kv);
      return kv;
    },
    reopen: async () => {
      closeAll();
      handles.push(await Deno.openKv(address));
      return handles[0]!;
    },
    restart: async () => {
      await stop("SIGKILL");
      server = await start();
    },
    close: async () => {
      closeAll();
      await stop("SIGKILL");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function answers(address: string): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    try {
      const response = await fetch(address);
      await response.body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  throw new Error("denokv does not start");
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
