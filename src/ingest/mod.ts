/** Interactions in bulk → the log. */
export {
  type MemberLine,
  type MemberLineFault,
  type MembersTold,
  MemberUpload,
  type MemberUploadOptions,
  parseMemberLine,
} from "./member_upload.ts";
export {
  batchBytesMax,
  BatchError,
  batchSchema,
  bodyText,
  type Coding,
  parsedJson,
  type Rejected,
} from "./batch.ts";
export { heldMsMax, readingBytesMax, tooMany, waitingBytesMax } from "./admission.ts";
export { type CampaignFacts } from "./campaign_facts.ts";
export { Ingest, type Received } from "./ingest.ts";
export { makerInProcess, makerOnThread, type OpenMaker } from "./maker_channel.ts";
export {
  claimIdSchema,
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  rejectionCodes,
  subjectId,
} from "./interaction.ts";
