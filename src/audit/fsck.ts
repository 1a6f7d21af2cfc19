/**
 * Reads the whole store and checks that its parts agree: the log, what refers to it, the snapshots
 * of audiences, and the read models. It changes nothing; the store may be in use meanwhile.
 */
import { upcast } from "../../events/upcast.ts";
import type { Projection } from "../../projections/projection.ts";
import { openLog } from "../event_store/mod.ts";
import { checkLog } from "./check_log.ts";
import { checkModels } from "./check_models.ts";
import { checkReferences } from "./check_references.ts";
import { checkSnapshots } from "./check_snapshots.ts";
import { Findings, type FsckReport } from "./findings.ts";

/** `creates` makes an empty read model of each projection. */
export async function fsck(
  kv: Deno.Kv,
  creates: readonly (() => Projection)[],
): Promise<FsckReport> {
  const findings = new Findings();
  const reader = await openLog(kv, upcast);
  const seen = await checkLog(kv, findings);
  await checkReferences(kv, reader.epoch, seen, findings);
  await checkSnapshots(kv, seen, findings);
  await checkModels(kv, reader, creates, findings);
  return findings;
}
