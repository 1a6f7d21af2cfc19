/**
 * Reads the log to the end that it has at the call, which under load is never reached by reading on,
 * and goes on where a read failed.
 */
import {
  formatPosition,
  type LogCursor,
  type LogReader,
  type ReadRow,
  retried,
  type WantsBody,
} from "../event_store/mod.ts";

export async function* replay(
  reader: LogReader,
  from: LogCursor,
  wantsBody?: WantsBody,
): AsyncGenerator<ReadRow> {
  const end = await retried(() => reader.end());
  if (end === null) return;
  let cursor = from;
  let rows = reader.read(cursor, wantsBody);
  for (;;) {
    const next = await retried(async () => {
      try {
        return await rows.next();
      } catch (error) {
        // A generator that has thrown is at its end.
        rows = reader.read(cursor, wantsBody);
        throw error;
      }
    });
    if (next.done) return;
    const { epoch, versionstamp } = next.value;
    if (formatPosition(epoch, versionstamp, 0) > end) return;
    const last = next.value.events.at(-1);
    if (last) cursor = { position: last.position, timeMs: last.timeMs };
    yield next.value;
  }
}
