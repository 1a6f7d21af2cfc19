/** Reads a request's body: bounded, of a known media type, well-formed. */
import type { Context } from "hono";
import { HttpProblem } from "./problem.ts";

/** Settings may have 24 KiB; this leaves room for white space and escapes. */
export const commandBodyBytesMax = 128 * 1024;
const nestingMax = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes of a stream. Throws 413 as soon as there are too many, however they are sent. */
export async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!stream) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel().catch(() => {});
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** The body's bytes; their number is known from the header in most cases. */
export async function readBody(
  context: Context,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = context.req.header("content-length");
  const declared = header !== undefined && /^\d+$/.test(header) ? Number(header) : undefined;
  if (declared !== undefined && declared > bytesMax) throw tooLarge(bytesMax);
  try {
    return declared === undefined
      ? await readBytes(context.req.raw.body, bytesMax)
      : new Uint8Array(await context.req.raw.arrayBuffer());
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    // The caller has gone, or the server is stopping: Deno then reads no more of a body.
    throw new HttpProblem("body_not_received", "the body did not arrive whole; send it again");
  }
}

/** The body as text. */
export async function readText(context: Context, bytesMax: number): Promise<string> {
  const bytes = await readBody(context, bytesMax);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new HttpProblem("malformed_json", "the body is not well-formed UTF-8");
  }
}

/** The body as JSON; undefined when it is empty. */
export function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpProblem("malformed_json", `the body is not JSON: ${(error as Error).message}`);
  }
}

/** 415 unless the request's media type is one of these. */
export function checkMediaType(context: Context, mediaTypes: readonly string[]): void {
  const header = context.req.header("content-type");
  if (header !== undefined && mediaTypes.includes(header)) return;
  const mediaType = header?.split(";")[0]?.trim().toLowerCase();
  if (mediaType && mediaTypes.includes(mediaType)) return;
  throw new HttpProblem(
    "unsupported_media_type",
    `send the body with 'content-type: ${mediaTypes.join("' or '")}'`,
    { headers: { "accept-post": mediaTypes.join(", ") } },
  );
}

function tooLarge(bytesMax: number): HttpProblem {
  return new HttpProblem("body_too_large", `a body may have at most ${bytesMax} bytes here`);
}

/**
 * Refuses what no command can hold: text that has no UTF-8 (escaped lone surrogates), and deep nesting,
 * which would make recursive code run out of stack.
 */
export function checkJson(value: unknown, text: string): void {
  // Each level takes two brackets: a short text cannot nest too deep.
  if (text.length > 2 * nestingMax) checkNesting(value);
  if (/\\u[dD][89a-fA-F]/.test(text) && !wellFormed(value)) {
    throw new HttpProblem("malformed_json", "a string in the body has a lone surrogate");
  }
}

/** Refuses what would make recursive code run out of stack. */
export function checkNesting(value: unknown): void {
  if (nesting(value) > nestingMax) {
    throw new HttpProblem("malformed_json", `the body nests deeper than ${nestingMax} levels`);
  }
}

function nesting(root: unknown): number {
  let level = [root];
  for (let depth = 0;; depth++) {
    const next: unknown[] = [];
    for (const value of level) {
      if (value === null || typeof value !== "object") continue;
      // Not spread into `push`: a long list would not fit the stack.
      for (const member of Object.values(value)) next.push(member);
    }
    if (next.length === 0 || depth > nestingMax) return depth;
    level = next;
  }
}

function wellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (value === null || typeof value !== "object") return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && wellFormed(member));
}
