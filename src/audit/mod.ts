/** Proof and repair: what the store holds is what was written. */
export { type CheckpointPlace, Checkpoints, OlderStoreError } from "./checkpoints.ts";
export type { FsckReport } from "./findings.ts";
export { fsck } from "./fsck.ts";
export { NotaryKeys, type Rotation } from "./notary_keys.ts";
export { openProof, type Proof } from "./proof.ts";
export { Verification, type Verified } from "./verification.ts";
export {
  ExportFaultError,
  type Imported,
  importExport,
  type ImportOptions,
} from "./import_export.ts";
export {
  type ExportFiles,
  ExportFolder,
  exportHistory,
  ExportRefusedError,
  HistoryClient,
  HistoryServerError,
} from "./export/mod.ts";
export {
  ColdFile,
  FolderSource,
  ServerSource,
  SourceUnreadableError,
  verifyHistory,
  type VerifyOptions,
  type VerifyReport,
} from "./verify/mod.ts";
