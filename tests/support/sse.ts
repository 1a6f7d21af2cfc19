/** Reads server-sent events as a browser does, as far as the server uses them. */

export interface Message {
  readonly id: string;
  readonly data: string;
}

/** The messages of a stream, and its comments as null. */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Message | null> {
  let text = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const block = text.slice(0, end);
      if (block.startsWith(":")) yield null;
      const fields = Object.fromEntries(
        block.split("\n").map((line) => {
          const colon = line.indexOf(": ");
          return [line.slice(0, colon), line.slice(colon + 2)];
        }),
      );
      if (fields.data !== undefined) yield { id: fields.id!, data: fields.data };
    }
  }
}
