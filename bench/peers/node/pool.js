/** What the peers share: a pool of connections, and how they say that they listen. */
import pg from "pg";

export const poolSize = Number(process.env.BENCH_POOL ?? 16);

export function openPool(connectionString) {
  return new pg.Pool({ connectionString, max: poolSize });
}

export async function listen(app) {
  await app.listen({ host: "127.0.0.1", port: 0 });
  console.log(`listening on http://127.0.0.1:${app.server.address().port}`);
  process.on("SIGTERM", () => process.exit(0));
}
