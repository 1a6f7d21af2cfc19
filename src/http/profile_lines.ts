/**
 * Profiles as lines of NDJSON, written while they come. A few shared commits are under way at a time;
 * until one of them is done no more is read from the connection.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { SubjectKind } from "../../events/profile_events.ts";
import { KeyReusedError, rememberedAnswer } from "../event_store/mod.ts";
import { subjectId } from "../ingest/mod.ts";
import { attributeProblems, type Attributes, type ProfileWrite } from "../profiles/mod.ts";
import { checkMediaType } from "./body.ts";
import { commandCall, rememberUnder } from "./command.ts";
import type { Engine } from "./engine.ts";
import { type LineError, LineErrors, ndjsonBody, ndjsonLines } from "./ndjson.ts";
import type { Call } from "./route.ts";

/** Lines that are written at once, and how many such lots are under way. */
const lotSize = 850;
const lotsMax = 3;
/** JSON of a lot, so that long lines do not add up. */
const lotLengthMax = 500_000;

export interface ProfilesReceived {
  readonly written: number;
  readonly rejected: number;
  readonly errors: readonly LineError[];
  readonly position: string;
}

/** For the document: one line. */
export function lineSchemaOf(kind: SubjectKind): z.ZodType {
  const attributes = z.record(z.string(), z.unknown());
  return kind === "user"
    ? z.strictObject({ userId: subjectId, attributes })
    : z.strictObject({ deviceId: subjectId, attributes, userId: subjectId.optional() });
}

export async function receiveProfiles(
  engine: Engine,
  kind: SubjectKind,
  call: Call<unknown>,
): Promise<ProfilesReceived> {
  checkMediaType(call.context, ndjsonBody);
  const once = rememberUnder(call.context, call.principal.keyId, null);
  if (!once) return await writeLines(engine, kind, call);
  const { scope, key } = once;
  const hash = createHash("sha256");
  const earlier = await rememberedAnswer(engine.kv, scope, key);
  if (earlier) {
    for await (const _ of ndjsonLines(call.context, (bytes) => hash.update(bytes)));
    if (earlier.requestHash !== hash.digest("hex")) throw new KeyReusedError();
    return { ...earlier.answer as ProfilesReceived, position: earlier.position };
  }
  const { position, ...answer } = await writeLines(
    engine,
    kind,
    call,
    (bytes) => hash.update(bytes),
  );
  // When another request with this key was faster, both have written the same.
  await engine.profiles.remember({ scope, key, requestHash: hash.digest("hex"), answer });
  return { ...answer, position };
}

async function writeLines(
  engine: Engine,
  kind: SubjectKind,
  call: Call<unknown>,
  seen?: (bytes: Uint8Array) => void,
): Promise<ProfilesReceived> {
  const { profiles, tail } = engine;
  const { meta } = commandCall(engine, call, null);
  const errors = new LineErrors();
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  let position = tail.cursor.position;
  let written = 0, lot: ProfileWrite[] = [], lotLength = 0;
  const send = async () => {
    const some = lot;
    lot = [];
    lotLength = 0;
    const sent = profiles.putMany(some, meta).then((done) => {
      written += some.length;
      if (done.position > position) position = done.position;
    }, (error) => {
      failure ??= { error };
    }).finally(() => underWay.delete(sent));
    underWay.add(sent);
    if (underWay.size >= lotsMax) await Promise.race(underWay);
    if (failure) throw failure.error;
  };
  try {
    for await (const line of ndjsonLines(call.context, seen)) {
      const write = line.fault ?? profileOf(kind, line.text);
      if ("code" in write) errors.add(line.number, write.code, write.message);
      else {
        lot.push(write);
        lotLength += line.text!.length;
        if (lot.length >= lotSize || lotLength >= lotLengthMax) await send();
      }
    }
    if (lot.length > 0) await send();
  } finally {
    await Promise.all(underWay);
  }
  if (failure) throw (failure as { readonly error: unknown }).error;
  return { written, rejected: errors.count, errors: errors.named, position };
}

/** The profile that a line holds, or what is wrong with the line. */
function profileOf(
  kind: SubjectKind,
  text: string,
): ProfileWrite | { readonly code: string; readonly message: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "malformed_json", message: "the line is not JSON" };
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return { code: "invalid", message: "the line is not a JSON object" };
  }
  const idField = `${kind}Id`;
  for (const name of Object.keys(value)) {
    const known = name === idField || name === "attributes" ||
      kind === "device" && name === "userId";
    if (!known) return { code: "invalid", message: "the line has a field that nobody knows" };
  }
  const { [idField]: id, attributes, userId } = value as Record<string, unknown>;
  if (!isId(id)) {
    return { code: "invalid", message: `/${idField}: must be a text of 1 to 256 characters` };
  }
  if (kind === "device" && userId !== undefined && !isId(userId)) {
    return { code: "invalid", message: "/userId: must be a text of 1 to 256 characters" };
  }
  const [problem] = attributeProblems(attributes);
  if (problem) return { code: "invalid", message: `${problem.pointer}: ${problem.message}` };
  return {
    kind,
    id,
    attributes: attributes as Attributes,
    userId: kind === "device" ? userId as string | undefined : undefined,
  };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && subjectId.safeParse(value).success;
}
