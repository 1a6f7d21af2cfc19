/** What can happen to who signs the transparency log's checkpoints. Its stream is `notary`. */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const notaryStream = "notary";

export const notaryEventSchemas = {
  /**
   * Verifier keys in the form of signed notes. `signature` is base64: the old key signs the text of the
   * new one, so that whoever trusts the old key can go on from it.
   */
  notary_key_rotated: z.strictObject({ from: z.string(), to: z.string(), signature: z.string() }),
  /**
   * All events before this one were taken over from another log. `checkpoint` is the note that it had
   * signed over exactly those, `key` the verifier key that belongs to the signature.
   */
  log_imported: z.strictObject({ key: z.string(), checkpoint: z.string() }),
};

type Schemas = typeof notaryEventSchemas;
export type NotaryEvent = {
  [Type in keyof Schemas]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas];

/** By a key: the one that came after it. */
export type KeyRotations = Readonly<Record<string, string>>;

export const noRotations: KeyRotations = {};

export function rotationsAfter(rotations: KeyRotations, { type, data }: NotaryEvent): KeyRotations {
  if (type !== "notary_key_rotated") return rotations;
  return Object.hasOwn(rotations, data.from) ? rotations : { ...rotations, [data.from]: data.to };
}

/** The key that signs now, of a log whose first key this is. */
export function keyAfter(rotations: KeyRotations, first: string): string {
  let key = first;
  for (
    let left = Object.keys(rotations).length;
    left > 0 && Object.hasOwn(rotations, key);
    left--
  ) {
    key = rotations[key]!;
  }
  return key;
}
