/** What proves the log, wired for one process: the keys, and the checkpoints that they sign. */
import type { KeyRotations } from "../../events/notary_events.ts";
import { notaryStream } from "../../events/notary_events.ts";
import type { NotaryProjection } from "../../projections/notary.ts";
import type { StreamStates, Tail, Writer } from "../event_store/mod.ts";
import { type CheckpointPlace, Checkpoints } from "./checkpoints.ts";
import { NotaryKeys } from "./notary_keys.ts";

export interface ProofOptions<State> {
  readonly kv: Deno.Kv;
  readonly tail: Tail;
  readonly states: StreamStates<State>;
  readonly writer: Writer<State>;
  /** Where the newest checkpoint is kept outside of the store; undefined: nowhere. */
  readonly place?: CheckpointPlace | undefined;
  model(): NotaryProjection;
  newSecret(): string;
}

export interface Proof<State> {
  readonly keys: NotaryKeys<State>;
  readonly checkpoints: Checkpoints;
}

export async function openProof<State>(options: ProofOptions<State>): Promise<Proof<State>> {
  const { kv, tail, states, writer, place, model, newSecret } = options;
  const rotations = () => states.head(notaryStream).state as KeyRotations;
  const keys = await NotaryKeys.open({ kv, tail, writer, rotations, newSecret });
  return { keys, checkpoints: new Checkpoints({ keys, place, model }) };
}
