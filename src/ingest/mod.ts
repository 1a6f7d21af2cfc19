/** Interactions in bulk → the log. */
export { Ingest, type Received, type Rejected } from "./ingest.ts";
export {
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  rejectionCodes,
  subjectId,
} from "./interaction.ts";
