/** Interactions in bulk → the log. */
export {
  type MemberLine,
  type MemberLineFault,
  type MembersTold,
  MemberUpload,
  type MemberUploadOptions,
  parseMemberLine,
} from "./member_upload.ts";
export { Ingest, type Received, type Rejected } from "./ingest.ts";
export {
  claimIdSchema,
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  rejectionCodes,
  subjectId,
} from "./interaction.ts";
