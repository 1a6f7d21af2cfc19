/** Events as projections see them, for tests that have no store: given as plain data, one log. */
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";
import { canonicalJson, formatPosition } from "../../src/event_store/mod.ts";

/** The position of the commit with this number, from 1 on. */
export function positionOf(commit: number, index = 0): string {
  return formatPosition(1, commit.toString(16).padStart(20, "0"), index);
}

export class TestLog {
  #commits = 0;
  readonly #versions = new Map<string, number>();

  /** The events as they come back from the log: what is no JSON is lost. */
  commit(stream: string, events: readonly DomainEvent[], timeMs: number): RecordedEvent[] {
    const commit = ++this.#commits;
    return events.map((event, index) => {
      const version = this.version(stream) + 1;
      this.#versions.set(stream, version);
      return {
        position: positionOf(commit, index),
        stream,
        version,
        timeMs,
        meta: { actor: "key:test", commandId: `c${commit}`, traceId: "t" },
        event: JSON.parse(canonicalJson(event)),
        hash: "",
      };
    });
  }

  version(stream: string): number {
    return this.#versions.get(stream) ?? 0;
  }
}

/** What goes over the wire: without what is undefined. */
// deno-lint-ignore no-explicit-any -- what tests look into
export function asJson(value: unknown): any {
  return JSON.parse(JSON.stringify(value));
}
