/** Reads all interactions through a cursor; prints how many a second. */
import pg from "pg";
import Cursor from "pg-cursor";

const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();
const startedAtMs = performance.now();
const cursor = client.query(new Cursor("SELECT * FROM interactions"));
let count = 0;
for (;;) {
  const rows = await cursor.read(10_000);
  if (rows.length === 0) break;
  count += rows.length;
}
console.log(count / ((performance.now() - startedAtMs) / 1000));
await client.end();
