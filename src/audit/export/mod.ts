/** An export: its files, and how it is taken from a server. */
export { type ExportFiles, ExportFolder } from "./export_folder.ts";
export { type Exported, exportHistory, ExportRefusedError } from "./export_history.ts";
export { HistoryClient, type HistoryClientOptions, HistoryServerError } from "./history_client.ts";
