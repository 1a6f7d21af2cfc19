/** Placard's server: config → open store → wire → serve. */
import { dirname } from "node:path";
import { checkpointFile } from "./src/checkpoint_file.ts";
import { OlderStoreError } from "./src/audit/mod.ts";
import { type Config, ConfigError, configFrom, isUrl } from "./src/config.ts";
import { StoreFormatError } from "./src/event_store/mod.ts";
import { makerOnThread } from "./src/ingest/mod.ts";
import { openPlacard } from "./src/placard.ts";
import { RequestsUnderWay } from "./src/requests_under_way.ts";

/** After a signal to stop, requests under way have this long to be answered. */
const stopWithinMs = 5_000;

try {
  const config = configFrom((name) => Deno.env.get(name));
  const kv = await openStore(config);
  const placard = await openPlacard({
    ...config,
    kv,
    ...(isFile(config) ? { checkpointPlace: checkpointFile(config.kv) } : {}),
    openMaker: makerOnThread,
    nowMs: Date.now,
    newId: () => crypto.randomUUID().replaceAll("-", ""),
    newSecret: () => crypto.getRandomValues(new Uint8Array(32)).toHex(),
    onBug: (error, request) => {
      console.error(`bug: ${request.method} ${new URL(request.url).pathname}:`, error);
    },
  });
  for (const [role, secret] of Object.entries(placard.newKeys)) {
    console.log(`new ${role} key (shown once, keep it): ${secret}`);
  }
  const requests = new RequestsUnderWay(placard.answer);
  const server = serve(config, requests);
  const stop = async () => {
    placard.endStreams();
    await requests.finish(stopWithinMs);
    await Promise.race([server.shutdown(), new Promise((done) => setTimeout(done, 500))]);
    await placard.close();
    kv.close();
    Deno.exit(0);
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
} catch (error) {
  if (error instanceof ConfigError) console.error(`configuration: ${error.message}`);
  else if (error instanceof OlderStoreError || error instanceof StoreFormatError) {
    console.error(`store: ${error.message}`);
  } else console.error(error);
  Deno.exit(1);
}

function isFile({ kv }: Config): boolean {
  return kv !== ":memory:" && !isUrl(kv);
}

async function openStore(config: Config): Promise<Deno.Kv> {
  const { kv } = config;
  try {
    if (isFile(config)) await Deno.mkdir(dirname(kv), { recursive: true });
    return await Deno.openKv(kv);
  } catch (error) {
    throw new ConfigError(`PLACARD_KV: ${kv} cannot be opened: ${(error as Error).message}`);
  }
}

function serve({ host, port }: Config, requests: RequestsUnderWay): Deno.HttpServer {
  try {
    return Deno.serve({
      hostname: host,
      port,
      onListen: ({ hostname, port }) => {
        const shown = hostname.includes(":") ? `[${hostname}]` : hostname;
        console.log(`listening on http://${shown}:${port}`);
      },
    }, (request) => requests.answer(request));
  } catch (error) {
    const message = (error as Error).message;
    throw new ConfigError(
      `PLACARD_HOST and PLACARD_PORT: ${host}:${port} cannot be used: ${message}`,
    );
  }
}
