/** What `/metrics` tells, in the text format of Prometheus. Values are read when they are asked for. */
import { Counter, Gauge, Registry } from "prom-client";
import type { Engine } from "./engine.ts";

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export class Metrics {
  readonly #registry = new Registry();
  /** By `METHOD STATUS`: counting a request costs one look-up. */
  readonly #requests = new Map<string, number>();

  constructor(engine: Engine) {
    const registers = [this.#registry];
    const requests = this.#requests;
    new Counter({
      name: "placard_http_requests_total",
      help: "Answered requests.",
      labelNames: ["method", "status"],
      registers,
      collect() {
        this.reset();
        for (const [key, count] of requests) {
          const [method, status] = key.split(" ");
          this.inc({ method: method!, status: status! }, count);
        }
      },
    });
    this.#gauge("placard_commands_waiting", "Commands waiting for a commit.", () => {
      return engine.writer.waitingCount;
    });
    this.#gauge(
      "placard_interactions_waiting",
      "Interactions of chunks that are being committed.",
      () => engine.ingest.waitingItems,
    );
    const { admission } = engine.ingest;
    this.#gauge(
      "placard_interaction_bytes_waiting",
      "Bodies of interactions that wait to be stored, in bytes.",
      () => admission.waitingBytes,
    );
    this.#gauge(
      "placard_interaction_requests_held",
      "Requests of interactions that wait, unread, for room.",
      () => admission.heldCount,
    );
    this.#gauge(
      "placard_interaction_requests_refused",
      "Requests of interactions that were told to come back since the start.",
      () => admission.refused,
    );
    this.#gauge("placard_profiles_waiting", "Profiles waiting for a commit.", () => {
      return engine.profiles.waiting;
    });
    this.#gauge("placard_preparations", "Audiences that are being calculated.", () => {
      return engine.preparations.counts.running;
    });
    this.#gauge(
      "placard_preparations_failing",
      "Calculations of audiences that failed and will be tried again.",
      () => engine.preparations.counts.failing,
    );
    this.#gauge("placard_event_streams", "Streams of events that are open.", () => {
      return engine.eventFeed.openCount;
    });
    this.#gauge("placard_log_time_seconds", "Recorded time of the last folded event.", () => {
      return engine.tail.cursor.timeMs / 1000;
    });
    this.#gauge("placard_flush_failing", "1 while rows cannot be written.", () => {
      return engine.projector.flushFailure === null ? 0 : 1;
    });
    const { tail, models: { notary }, proof: { checkpoints } } = engine;
    this.#gauge("placard_proof_size", "Events in the transparency log's tree.", () => {
      return notary.model.size;
    });
    this.#gauge(
      "placard_proof_lag_seconds",
      "Recorded time from the last event in the tree to the last event folded.",
      () => (tail.cursor.timeMs - notary.cursor.timeMs) / 1000,
    );
    this.#gauge(
      "placard_checkpoint_failing",
      "1 while the newest checkpoint cannot be kept beside the store.",
      () => checkpoints.failure === null ? 0 : 1,
    );
    const { mounted } = engine.projector;
    new Gauge({
      name: "placard_projection_stopped",
      help: "1 for a projection that stands still at an event which it cannot fold.",
      labelNames: ["projection"],
      registers,
      collect() {
        for (const one of mounted) this.set({ projection: one.name }, one.failure ? 1 : 0);
      },
    });
    new Gauge({
      name: "placard_projection_events_since_checkpoint",
      help: "Events that a start would have to fold again.",
      labelNames: ["projection"],
      registers,
      collect() {
        for (const one of mounted) this.set({ projection: one.name }, one.eventsSinceCheckpoint);
      },
    });
  }

  countRequest(method: string, status: number): void {
    // Callers may invent methods; each would stay here for ever.
    const key = `${knownMethods.has(method) ? method : "OTHER"} ${status}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }
}
