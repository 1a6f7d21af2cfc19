/**
 * What a store takes on disk, by key space. A process of its own looks into the file, after the server
 * has ended: opening it a second time in the same process would drop the locks of the first.
 */
import { DatabaseSync } from "node:sqlite";

export interface DiskUse {
  readonly fileBytes: number;
  /** Keys and values as they are, without the pages around them. */
  readonly spaces: Readonly<Record<string, { readonly rows: number; readonly bytes: number }>>;
}

export async function diskUse(folder: string): Promise<DiskUse> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", import.meta.filename!, `${folder}/placard.kv`],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function look(file: string): DiskUse {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const spaces: Record<string, { rows: number; bytes: number }> = {};
  for (
    const row of database.prepare("SELECT k, length(k) + length(v) AS bytes FROM kv").iterate()
  ) {
    const space = spaces[spaceOf(row.k as Uint8Array)] ??= { rows: 0, bytes: 0 };
    space.rows++;
    space.bytes += Number(row.bytes);
  }
  database.close();
  return { fileBytes: Deno.statSync(file).size, spaces };
}

const registers: Readonly<Record<string, string>> = { d: "devices", u: "users" };

/** A key is its parts one after the other; a text is 2, its bytes, 0. Rows are told by read model. */
function spaceOf(key: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; key[at] === 2 && parts.length < 3;) {
    const end = key.indexOf(0, at);
    parts.push(new TextDecoder().decode(key.subarray(at + 1, end)));
    at = end + 1;
  }
  const [, space = "?", name] = parts;
  return space === "rm" ? `rows of ${name}` : registers[space] ?? space;
}

if (import.meta.main) console.log(JSON.stringify(look(Deno.args[0]!)));
