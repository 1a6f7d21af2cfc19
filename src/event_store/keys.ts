/** The keys of the store. `T` is the workspace; only this folder and the projector know them. */
const workspace = "default";

export type Key = Deno.KvKey;

export const keys = {
  /** Format of the store and its epoch. */
  meta: (): Key => [workspace, "meta"],
  /** Moves with every commit of commands: whoever checks it has folded everything before. */
  tip: (): Key => [workspace, "tip"],
  /** The rows of every epoch. */
  logsPrefix: (): Key => [workspace, "log"],
  /** Behind them: the highest epoch that a position can name is 0xffff. */
  logsEnd: (): Key => [workspace, "log", 0x10000],
  logPrefix: (epoch: number): Key => [workspace, "log", epoch],
  log: (epoch: number, versionstamp: string): Key => [workspace, "log", epoch, versionstamp],
  /** Was this commit stored? Read back when the reply to it was lost. */
  commit: (commitId: string): Key => [workspace, "commit", commitId],
  commitPrefix: (): Key => [workspace, "commit"],
  /** The remembered answer to a command with an idempotency key. */
  command: (scope: string, idempotencyKey: string): Key => [
    workspace,
    "cmd",
    scope,
    idempotencyKey,
  ],
  commandPrefix: (): Key => [workspace, "cmd"],
  /** A part of a body. */
  body: (ref: string, part: number): Key => [workspace, "body", ref, part],
  bodyParts: (ref: string): Key => [workspace, "body", ref],
  bodyPrefix: (): Key => [workspace, "body"],
  /** Which slot of rows of a projection is the live one. */
  live: (projection: string): Key => [workspace, "live", projection],
  checkpoint: (projection: string, slot: string): Key => [workspace, "cp", projection, slot],
  checkpointPrefix: (projection: string): Key => [workspace, "cp", projection],
  rowPrefix: (projection: string, slot: string): Key => [workspace, "rm", projection, slot],
  row: (projection: string, slot: string, row: string, part: number): Key => [
    workspace,
    "rm",
    projection,
    slot,
    row,
    part,
  ],
  /** Rows that a start does not read. */
  coldRowPrefix: (projection: string, slot: string): Key => [workspace, "rc", projection, slot],
  coldRow: (projection: string, slot: string, row: string, part: number): Key => [
    workspace,
    "rc",
    projection,
    slot,
    row,
    part,
  ],
  /** How far the calculation of a campaign's audience has come. */
  preparing: (campaignId: string): Key => [workspace, "preparing", campaignId],
  preparingPrefix: (): Key => [workspace, "preparing"],
  /** Everything of one snapshot: its head, and blocks of members. */
  snapshotPrefix: (id: string): Key => [workspace, "snapshot", id],
  snapshotHead: (id: string): Key => [workspace, "snapshot", id, "head"],
  /** `of`: whether they are members, or those left out. */
  snapshotBlock: (id: string, of: string, kind: string, block: number): Key => [
    workspace,
    "snapshot",
    id,
    of,
    kind,
    block,
  ],
  /** Short, because there are millions and the store holds each of these keys twice. */
  identityPrefix: (kind: "device" | "user"): Key => [workspace, kind === "device" ? "d" : "u"],
  identityNumber: (kind: "device" | "user", id: string): Key => [
    workspace,
    kind === "device" ? "d" : "u",
    id,
  ],
  /** Of stores of format 1; the kind follows, and the id. */
  formerIdentityPrefix: (): Key => [workspace, "id"],
  identityCounter: (kind: string): Key => [workspace, "idCounter", kind],
  /** What is known of a device or user, beside the log and erasable. */
  profile: (kind: string, number: number): Key => [workspace, "profile", kind, number],
  profilePrefix: (kind?: string): Key =>
    kind === undefined ? [workspace, "profile"] : [workspace, "profile", kind],
  /** The name of the transparency log, and its first key. */
  notaryFirst: (): Key => [workspace, "notary", "first"],
  /** The private key to a verifier key. */
  notaryKey: (verifierKey: string): Key => [workspace, "notary", "key", verifierKey],
  /** Moves with every forgotten person: whoever checks it writes nothing of one. */
  lastForgotten: (): Key => [workspace, "lastForgotten"],
};
