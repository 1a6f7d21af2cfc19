/** Proof and repair: what the store holds is what was written. */
export type { FsckReport } from "./findings.ts";
export { fsck } from "./fsck.ts";
