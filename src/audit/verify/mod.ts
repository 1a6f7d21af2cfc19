/** Checks a history, of an export or of a server, without trusting whoever holds it. */
export { ColdFile } from "./cold_file.ts";
export { FolderSource } from "./folder_source.ts";
export { type HistorySource, SourceUnreadableError } from "./history_source.ts";
export { ServerSource } from "./server_source.ts";
export { verifyHistory, type VerifyOptions, type VerifyReport } from "./verify_history.ts";
