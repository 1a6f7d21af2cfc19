/** Checks the frozen audiences: each that the log names is there, and is what the log says. */
import { measuredSnapshot, SnapshotDamagedError } from "../snapshots/mod.ts";
import type { LogSeen } from "./check_log.ts";
import type { Findings } from "./findings.ts";

export async function checkSnapshots(
  kv: Deno.Kv,
  seen: LogSeen,
  importedThrough: string,
  findings: Findings,
): Promise<void> {
  for (const [id, told] of seen.snapshots) {
    findings.count("snapshots");
    try {
      const found = await measuredSnapshot(kv, id);
      if (!found && told.position <= importedThrough) {
        findings.note(`snapshot ${id} did not come with the import: nobody is in it`);
      } else if (!found) findings.fault(`snapshot ${id} is gone`);
      else if (found.size !== told.size || found.digest !== told.digest) {
        findings.fault(
          `snapshot ${id} has ${found.size} members with the digest ${found.digest}, the log says ` +
            `${told.size} with ${told.digest}`,
        );
      }
    } catch (error) {
      if (!(error instanceof SnapshotDamagedError)) throw error;
      findings.fault(error.message);
    }
  }
}
