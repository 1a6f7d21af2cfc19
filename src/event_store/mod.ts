/** The event store: append, read, transact. The only code that knows the log's keys. */
export { readBodyOf } from "./body_reading.ts";
export { type AlsoCommitted, BodyWriter, type RememberOnce } from "./body_writer.ts";
export { canonicalJson } from "./canonical_json.ts";
export {
  type Command,
  type Decided,
  KeyReusedError,
  type Outcome,
  type RememberedAnswer,
} from "./command.ts";
export { commit, retried, StoreUnavailableError, TooLargeError } from "./commit.ts";
export { Draft } from "./draft.ts";
export { encodedEventLine, eventLine } from "./event_line.ts";
export { joinedBytes } from "./joined_bytes.ts";
export { keys } from "./keys.ts";
export {
  bulkCommitBytesMax,
  commitBytesMax,
  commitKeyBytesMax,
  commitMutationsMax,
  getManyKeysMax,
  jsonValueBytes,
  keyBytes,
  valueBytesMax,
} from "./limits.ts";
export { importedCommitId, type ImportedRow, ImportRefusedError, LogImport } from "./log_import.ts";
export {
  cursorAtStart,
  type LogCursor,
  LogReader,
  type ReadRow,
  type WantsBody,
} from "./log_reader.ts";
export {
  decodeRow,
  encodeEvent,
  eventHash,
  LogDamagedError,
  type LogRow,
  sha256Hex,
} from "./log_row.ts";
export {
  type LineFilter,
  linesAt,
  linesBetween,
  type LinesRead,
  type LogLine,
  matchesFilter,
} from "./log_lines.ts";
export {
  formatPosition,
  logStart,
  maximum,
  parsePosition,
  positionBefore,
  rowOfPosition,
} from "./position.ts";
export { isInLog, lastRecordedBy, recordedMs } from "./recorded_times.ts";
export { rememberedAnswer } from "./remembered.ts";
export { RowsDigest } from "./rows_digest.ts";
export { openLog, raiseEpoch, StoreFormatError } from "./store.ts";
export { raiseStoreFormat } from "./store_format.ts";
export { StreamIndex } from "./stream_index.ts";
export { type StreamHead, type StreamRules, StreamStates } from "./stream_states.ts";
export { Tail } from "./tail.ts";
export { OverloadedError, Writer } from "./writer.ts";
