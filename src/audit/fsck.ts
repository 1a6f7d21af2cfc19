/**
 * Reads the whole store and checks that its parts agree: the log, what refers to it, the snapshots
 * of audiences, and the read models. It changes nothing; the store may be in use meanwhile.
 */
import { upcast } from "../../events/upcast.ts";
import type { Projection } from "../../projections/projection.ts";
import { openLog } from "../event_store/mod.ts";
import type { Pacing } from "../projector/mod.ts";
import { checkLog } from "./check_log.ts";
import { checkModels } from "./check_models.ts";
import { checkReferences } from "./check_references.ts";
import { checkSnapshots } from "./check_snapshots.ts";
import { Findings, type FsckReport } from "./findings.ts";

/** `creates` makes an empty read model of each projection. */
export async function fsck(
  kv: Deno.Kv,
  creates: readonly (() => Projection)[],
  pacing?: Pacing,
): Promise<FsckReport> {
  const findings = new Findings(pacing);
  const reader = await openLog(kv, upcast);
  const seen = await checkLog(kv, findings);
  await checkReferences(kv, reader, seen, findings);
  await checkSnapshots(kv, seen, reader.importedThrough, findings);
  await checkModels(kv, reader, creates, findings);
  return findings;
}
