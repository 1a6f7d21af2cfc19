/** Placard's server: config → open store → wire → serve. */
import { dirname } from "node:path";
import { ConfigError, configFrom } from "./src/config.ts";
import { openPlacard } from "./src/placard.ts";

try {
  const config = configFrom((name) => Deno.env.get(name));
  const isFile = config.kv !== ":memory:" && !/^https?:/.test(config.kv);
  if (isFile) await Deno.mkdir(dirname(config.kv), { recursive: true });
  const kv = await Deno.openKv(config.kv);
  const placard = await openPlacard({
    ...config,
    kv,
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
  const server = Deno.serve({
    hostname: config.host,
    port: config.port,
    onListen: ({ hostname, port }) => {
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      console.log(`listening on http://${host}:${port}`);
    },
  }, placard.app.fetch);
  const stop = async () => {
    await server.shutdown();
    await placard.close();
    kv.close();
    Deno.exit(0);
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
} catch (error) {
  console.error(error instanceof ConfigError ? `configuration: ${error.message}` : error);
  Deno.exit(1);
}
