/**
 * PostgreSQL in a temporary folder with a port of its own: Debian's program, durable (`fsync` and
 * `synchronous_commit` on), with memory for its tables and few checkpoints. It refuses to run as root,
 * so root starts it as the user `postgres`.
 */
import { dirname } from "node:path";
import { endWithBench } from "../process.ts";
import { programPath, succeed } from "../install.ts";

export interface Postgresql {
  /** For clients. */
  readonly url: string;
  readonly version: string;
  /** Runs one statement; its rows, columns separated by `|`. */
  query(sql: string): Promise<string>;
  stop(): Promise<void>;
}

export const postgresqlSettings: Readonly<Record<string, string>> = {
  fsync: "on",
  synchronous_commit: "on",
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  max_connections: "100",
};

export async function startPostgresql(): Promise<Postgresql> {
  const initdb = await programPath("initdb", "postgresql");
  if (!initdb) throw new Error("PostgreSQL is not there and could not be installed");
  const programs = dirname(await Deno.realPath(initdb));
  const folder = await Deno.makeTempDir({ prefix: "bench-postgresql-" });
  const user = Deno.uid() === 0 ? await accountOf("postgres") : null;
  if (user) await Deno.chown(folder, user.uid, user.gid);
  const options = { ...user, cwd: folder };
  await succeed(
    initdb,
    ["-D", `${folder}/data`, "-A", "trust", "-U", "bench", "-E", "UTF8"],
    options,
  );
  const port = freePort();
  const settings = { ...postgresqlSettings, port: String(port), unix_socket_directories: folder };
  const server = new Deno.Command(`${programs}/postgres`, {
    args: [
      "-D",
      `${folder}/data`,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    ...options,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const psql = (sql: string) =>
    succeed(`${programs}/psql`, [
      ...["-h", folder, "-p", String(port), "-U", "bench", "-d", "postgres"],
      ...["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql],
    ], options);
  const stop = async () => {
    forget();
    // Clients need not be waited for.
    server.kill("SIGINT");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  };
  const forget = endWithBench(stop);
  try {
    await untilReady(() => psql("SELECT 1"));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `postgresql://bench@127.0.0.1:${port}/postgres`,
    version: await psql("SHOW server_version"),
    query: psql,
    stop,
  };
}

async function untilReady(probe: () => Promise<unknown>): Promise<void> {
  const attemptsMax = 100;
  for (let attempt = 1;; attempt++) {
    try {
      await probe();
      return;
    } catch (error) {
      if (attempt === attemptsMax) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

async function accountOf(name: string): Promise<{ uid: number; gid: number }> {
  const line = (await Deno.readTextFile("/etc/passwd")).split("\n")
    .find((text) => text.startsWith(`${name}:`));
  if (!line) throw new Error(`there is no user ${name} to run PostgreSQL as`);
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
