/**
 * Promises to show a message, made before it is shown. A stream is `claims/CAMPAIGN_ID`. A claim counts
 * against the caps from its recorded time, until the impression that carries it or until it lapses.
 */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const claimsStreamPrefix = "claims/";

/** A claim without its impression counts for this long. */
export const claimLapseMs = 10 * 60 * 1000;

export const claimEventSchemas = {
  /**
   * `claim` is a digest of the id that the client chose; `device` and `user` are numbers of the identity
   * register, 0 for none; `session` is the key of the session, 0 for none.
   */
  claim_granted: z.strictObject({
    claim: z.string().regex(/^[0-9a-f]{32}$/),
    device: z.int().min(1),
    user: z.int().min(0),
    session: z.int().min(0).max(4_294_967_295),
  }),
};

type Schemas = typeof claimEventSchemas;
export type ClaimEvent = {
  [Type in keyof Schemas]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas];
