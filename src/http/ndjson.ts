/**
 * Reads a request's body line by line (`application/x-ndjson`), of any size in bounded memory: the next
 * bytes are taken from the connection only when the lines before have been dealt with. What is wrong
 * with one line is told with that line and does not end the reading.
 */
import type { Context } from "hono";
import { z } from "zod";
import { HttpProblem } from "./problem.ts";

export const ndjsonBody = ["application/x-ndjson"];

/** Longest line that is looked at, without its end. */
export const lineBytesMax = 64 * 1024;
/** Faults that an answer names; all are counted. */
export const lineErrorsMax = 100;
/** So little is unpacked at once that a body of nothing but zeros stays small in memory. */
const packedBytesAtOnce = 4 * 1024;

const newline = 10;
const carriageReturn = 13;

export type LineFaultCode = "line_too_long" | "not_utf8";

/** One line that is not blank; `number` counts all lines, from 1 on. */
export type NdjsonLine =
  | { readonly number: number; readonly text: string; readonly fault?: undefined }
  | {
    readonly number: number;
    readonly text?: undefined;
    readonly fault: { readonly code: LineFaultCode; readonly message: string };
  };

/** Fault of one line, as answers name it. */
export const lineErrorSchema = z.strictObject({
  line: z.int().min(1).describe("From 1 on; blank lines count."),
  code: z.string(),
  message: z.string(),
});
export type LineError = z.infer<typeof lineErrorSchema>;

/** Counts the lines that are rejected and keeps the first of their faults. */
export class LineErrors {
  count = 0;
  readonly named: LineError[] = [];

  add(line: number, code: string, message: string): void {
    this.count++;
    if (this.named.length < lineErrorsMax) this.named.push({ line, code, message });
  }
}

/**
 * The lines of the body, unpacked where it is gzip. Lines end in LF or CRLF, the last one also with the
 * body. `seen` is shown all bytes in order, unpacked. Throws an `HttpProblem` when the body cannot be
 * read further; the lines before have then been given.
 */
export async function* ndjsonLines(
  context: Context,
  seen: (bytes: Uint8Array) => void = () => {},
): AsyncGenerator<NdjsonLine> {
  // What has come of a line that has not ended; null: too much of it, the rest is passed over.
  let begun: Uint8Array | null = new Uint8Array(0);
  let number = 0;
  for await (const bytes of bodyChunks(context)) {
    seen(bytes);
    let from = 0;
    for (let end; (end = bytes.indexOf(newline, from)) >= 0; from = end + 1) {
      number++;
      const line = begun && lineOf(number, joined(begun, bytes.subarray(from, end)));
      if (begun === null) yield tooLong(number);
      else if (line) yield line;
      begun = new Uint8Array(0);
    }
    const rest = bytes.subarray(from);
    if (begun !== null && rest.length > 0) {
      // One byte more, because a CR before the end does not count.
      begun = begun.length + rest.length > lineBytesMax + 1 ? null : joined(begun, rest).slice();
    }
  }
  if (begun === null) yield tooLong(number + 1);
  else {
    const line = lineOf(number + 1, begun);
    if (line) yield line;
  }
}

/** A fatal decoder: what is no UTF-8 is a fault of its line. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Null for a blank line. */
function lineOf(number: number, bytes: Uint8Array): NdjsonLine | null {
  const content = bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
  if (content.length > lineBytesMax) return tooLong(number);
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return { number, fault: { code: "not_utf8", message: "the line is not well-formed UTF-8" } };
  }
  return text.trim() === "" ? null : { number, text };
}

function tooLong(number: number): NdjsonLine {
  const message = `a line may have at most ${lineBytesMax} bytes`;
  return { number, fault: { code: "line_too_long", message } };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** The bytes of the body as they come, unpacked where they are gzip. */
async function* bodyChunks(context: Context): AsyncGenerator<Uint8Array> {
  const encoding = context.req.header("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new HttpProblem(
      "unsupported_media_type",
      "the content encodings taken are gzip and none",
      { headers: { "accept-encoding": "gzip" } },
    );
  }
  const body = context.req.raw.body;
  if (!body) return;
  let received = true;
  const packed = async function* () {
    try {
      for await (const bytes of body) {
        for (let from = 0; from < bytes.length; from += packedBytesAtOnce) {
          yield bytes.subarray(from, from + packedBytesAtOnce);
        }
      }
    } catch (error) {
      received = false;
      throw error;
    }
  };
  try {
    if (encoding === "identity") yield* body;
    else yield* ReadableStream.from(packed()).pipeThrough(new DecompressionStream("gzip"));
  } catch {
    if (received && encoding === "gzip") {
      throw new HttpProblem("malformed_request", "the body is not gzip; what came before it holds");
    }
    // The caller has gone, or the server is stopping: Deno then reads no more of a body.
    throw new HttpProblem("body_not_received", "the body did not arrive whole; send it again");
  }
}
