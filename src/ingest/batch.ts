/** The body of a request that reports interactions: bytes → items, or what is wrong with all of it. */
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { problemsOf } from "../../events/settings_problems.ts";
import {
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  type RejectionCode,
} from "./interaction.ts";
import { isSurelyInteraction } from "./item_check.ts";

/** 1,000 interactions of about 2 KB. */
export const batchBytesMax = 2 * 1024 * 1024;

export const batchSchema = z.strictObject({
  interactions: z.array(interactionSchema).min(1).max(interactionsPerCallMax),
});

export type Coding = "gzip" | "identity";

export interface Rejected {
  readonly index: number;
  readonly code: RejectionCode;
  /** JSON pointer within the item, and what is wrong there. */
  readonly pointer?: string;
  readonly message?: string;
}

/** `null` stands for an item that is no interaction at all: its rejection is in `invalid`. */
export interface Batch {
  readonly items: readonly (Interaction | null)[];
  readonly invalid: readonly Rejected[];
}

/** Why nothing of a request was taken. */
export class BatchError extends Error {
  override readonly name = "BatchError";

  constructor(
    readonly code: "malformed_json" | "malformed_request" | "body_too_large" | "invalid",
    message: string,
    readonly problems: ReturnType<typeof problemsOf> = [],
  ) {
    super(message);
  }
}

/** Throws a `BatchError`. */
export function parseBatch(body: Uint8Array, coding: Coding): Batch {
  return batchOf(parsedJson(bodyText(body, coding)));
}

export function bodyText(body: Uint8Array, coding: Coding): string {
  if (coding === "identity") {
    try {
      return utf8.decode(body);
    } catch {
      throw new BatchError("malformed_json", "the body is not well-formed UTF-8");
    }
  }
  try {
    return utf8.decode(gunzipSync(body, { maxOutputLength: batchBytesMax }));
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      const message = `a body may have at most ${batchBytesMax} bytes here`;
      throw new BatchError("body_too_large", message);
    }
    throw new BatchError("malformed_request", "the body is not gzip of UTF-8 text");
  }
}

export function parsedJson(text: string): unknown {
  if (text === "") throw new BatchError("malformed_json", "the body is empty; send JSON");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BatchError("malformed_json", `the body is not JSON: ${(error as Error).message}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const frameSchema = z.strictObject({
  interactions: z.array(z.unknown()).min(1).max(interactionsPerCallMax),
});

/** One bad item never spoils the others. */
function batchOf(body: unknown): Batch {
  const invalid: Rejected[] = [];
  const items = itemsOf(body).map((item, index) => {
    if (isSurelyInteraction(item)) return item;
    const parsed = interactionSchema.safeParse(item);
    if (parsed.success) return parsed.data;
    const [first] = problemsOf(parsed.error.issues, item);
    invalid.push({ index, code: "invalid", pointer: first!.pointer, message: first!.message });
    return null;
  });
  return { items, invalid };
}

function itemsOf(body: unknown): readonly unknown[] {
  const frame = frameSchema.safeParse(body);
  if (frame.success) return frame.data.interactions;
  throw new BatchError("invalid", "the body is no batch", problemsOf(frame.error.issues, body));
}
