/** Proof and repair: what the store holds is what was written. */
export { ExportFaultError, type ExportFiles, readExport, readManifest } from "./export_reader.ts";
export type { FsckReport } from "./findings.ts";
export { fsck } from "./fsck.ts";
export { Verification, type Verified } from "./verification.ts";
export { type Imported, importExport, type ImportOptions } from "./import_export.ts";
