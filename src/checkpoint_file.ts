/** The file beside a database file that keeps the newest checkpoint. */
import type { CheckpointPlace } from "./audit/mod.ts";

export function checkpointFile(database: string): CheckpointPlace {
  const path = `${database}.checkpoint`;
  return {
    name: path,
    read: async () => {
      try {
        return await Deno.readTextFile(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
    write: async (note) => {
      const fresh = `${path}.new`;
      using file = await Deno.open(fresh, { write: true, create: true, truncate: true });
      await file.write(new TextEncoder().encode(note));
      // After a power failure the name must not lead to an empty file.
      await file.syncData();
      await Deno.rename(fresh, path);
    },
  };
}
