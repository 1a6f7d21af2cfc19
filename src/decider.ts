/**
 * The contract of everything that decides: a command and a state give events, a refusal or the faults
 * of an invalid command, and an event and a state give the next state. Both are pure: time and ids
 * come in as input.
 */
import type { Problem } from "../events/problem.ts";
import type { DomainEvent } from "../events/recorded_event.ts";

export type { Problem } from "../events/problem.ts";

/** A rule says no. `refused` is stable and public; `detail` tells a person what to do next. */
export interface Refusal<Code extends string = string> {
  readonly refused: Code;
  readonly detail: string;
}

export interface Invalid {
  readonly invalid: readonly Problem[];
}

export type Decision<Event extends DomainEvent, Code extends string = string> =
  | readonly Event[]
  | Refusal<Code>
  | Invalid;

export interface Decider<Command, State, Event extends DomainEvent, Context, Code extends string> {
  readonly initial: State;
  decide(command: Command, state: State, context: Context): Decision<Event, Code>;
  /** `timeMs` is the recorded time of the event. */
  evolve(state: State, event: Event, timeMs: number): State;
}

export function refuse<Code extends string>(code: Code, detail: string): Refusal<Code> {
  return { refused: code, detail };
}
