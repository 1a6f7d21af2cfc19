/** The chunk of an event: what read models that fold interactions begin with. */
import { decodeChunk, type DecodedChunk } from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";

export function chunkOf(recorded: RecordedEvent): DecodedChunk {
  return recorded.judged?.chunk ?? decodeChunk(bodyOf(recorded));
}

export function bodyOf({ body, position }: RecordedEvent): Uint8Array {
  if (!body) throw new Error(`the event at ${position} comes without its body`);
  return body;
}
