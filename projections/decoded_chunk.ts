/** The chunk of an event, decoded once for all read models that fold it. */
import { decodeChunk, type DecodedChunk } from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";

/** Gone with the bytes: an event is folded by one read model right after the other. */
const decoded = new WeakMap<Uint8Array, DecodedChunk>();

export function decodedChunk({ body, position }: RecordedEvent): DecodedChunk {
  if (!body) throw new Error(`the event at ${position} comes without its body`);
  let chunk = decoded.get(body);
  if (!chunk) {
    chunk = decodeChunk(body);
    decoded.set(body, chunk);
  }
  return chunk;
}
