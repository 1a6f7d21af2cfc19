/**
 * Who fits a rule, of everybody: every registered user, and every device that has no user. It goes
 * through the numbers in order, so that it can be interrupted, and go on from where it was.
 *
 * A rule over device attributes holds for a user when it holds for any of their devices. It is asked
 * of the devices, so what it needs of their users is read first and held in memory.
 */
import type { SubjectKind } from "../../events/profile_events.ts";
import { type CompiledRule, compileRule } from "../audience/mod.ts";
import { Facts, variablePath } from "./facts.ts";
import { Members } from "./members.ts";
import type { Pacer } from "./pacer.ts";
import type { ProfileAttributes, ProfileSource, SubjectSource } from "./sources.ts";
import { UserValues } from "./user_values.ts";

/** Where a calculation stands; it may go on from there in another process. */
export interface Place {
  readonly stage: Stage;
  /** The next number of this stage. */
  readonly next: number;
}

/** `load`: nobody is judged yet. `alone`: users without a device, of a rule over devices. */
type Stage = "users" | "load" | "devices" | "alone" | "done";

export interface RuleSources {
  readonly profiles: ProfileSource;
  readonly subjects: SubjectSource;
  /** The highest numbers when the calculation began: who comes later is not in it. */
  readonly highest: Readonly<Record<SubjectKind, number>>;
  /** For facts that count days. */
  readonly nowMs: number;
  readonly pacer: Pacer;
  /** Told of every step. A throw ends the calculation. */
  step(calculation: RuleCalculation): void | Promise<void>;
}

export class RuleCalculation {
  readonly #sources: RuleSources;
  readonly #rule: CompiledRule;
  readonly #facts: Facts;
  readonly #reads: Readonly<Record<SubjectKind, readonly string[]>>;
  readonly #values: UserValues;
  readonly #stages: readonly Stage[];
  #stage: Stage;
  #next: number;

  constructor(rule: unknown, sources: RuleSources, readonly members: Members, from?: Place) {
    this.#sources = sources;
    this.#rule = compileRule(rule, variablePath);
    const { variables } = this.#rule;
    this.#facts = new Facts(variables, sources.subjects, sources.nowMs);
    this.#reads = { user: namesOf("user", variables), device: namesOf("device", variables) };
    this.#values = new UserValues(this.#reads.user);
    const overDevices = this.#reads.device.length > 0;
    this.#stages = overDevices
      ? ["load", "devices", "alone", "done"]
      : ["users", "devices", "done"];
    this.#stage = from?.stage ?? this.#stages[0]!;
    this.#next = from?.next ?? 1;
  }

  /** What has been loaded is lost with the process: whoever goes on loads it again. */
  get place(): Place {
    return { stage: this.#stage, next: this.#stage === "load" ? 1 : this.#next };
  }

  /** Subjects looked at, of `total`. */
  get scanned(): number {
    const { highest } = this.#sources;
    const passed = this.#next - 1;
    if (this.#stage === "users" || this.#stage === "load") return Math.min(passed, highest.user);
    if (this.#stage === "devices") return highest.user + Math.min(passed, highest.device);
    return this.total;
  }

  get total(): number {
    return this.#sources.highest.user + this.#sources.highest.device;
  }

  async run(): Promise<void> {
    if (this.#stages[0] === "load" && this.#stage !== "load") await this.#load(() => {});
    while (this.#stage !== "done") {
      await this.#run(this.#stage);
      this.#stage = this.#stages[this.#stages.indexOf(this.#stage) + 1]!;
      this.#next = 1;
    }
  }

  async #run(stage: Stage): Promise<void> {
    const to = this.#sources.highest;
    switch (stage) {
      case "users":
        return await this.#each("user", this.#next, to.user, (user, attributes) => {
          this.#next = user + 1;
          this.#judgeUser(user, attributes, nothing);
        });
      case "load":
        return await this.#load((user) => this.#next = user + 1);
      case "devices":
        return await this.#each("device", this.#next, to.device, (device, attributes) => {
          this.#next = device + 1;
          this.#judgeDevice(device, attributes);
        });
      case "alone":
        return await this.#alone();
      case "done":
    }
  }

  /** Also takes to memory whether a user has a device: that is known only when all have been seen. */
  async #load(at: (user: number) => void): Promise<void> {
    const { user } = this.#sources.highest;
    if (this.#reads.user.length === 0) return;
    await this.#each("user", 1, user, (number, attributes) => {
      at(number);
      this.#values.set(number, attributes);
    });
  }

  async #alone(): Promise<void> {
    const { highest, subjects, pacer } = this.#sources;
    const withDevice = new Members();
    for (let device = 1; device <= highest.device; device++) {
      const user = subjects.userOf(device);
      if (user !== 0) withDevice.add("user", user);
      if (pacer.isDue) await this.#rest();
    }
    for (let user = 1; user <= highest.user; user++) {
      if (!withDevice.has("user", user)) this.#judgeUser(user, this.#values.get(user), nothing);
      if (pacer.isDue) await this.#rest();
    }
    withDevice.dispose();
  }

  #judgeDevice(device: number, attributes: ProfileAttributes): void {
    const { subjects, highest } = this.#sources;
    const user = subjects.userOf(device);
    if (user !== 0) {
      // Without device attributes the user has been judged already.
      if (this.#reads.device.length === 0 || this.members.has("user", user)) return;
      if (user > highest.user) return;
      return this.#judgeUser(user, this.#values.get(user), attributes);
    }
    if (subjects.isForgotten("device", device)) return;
    const facts = this.#facts.of("device", device);
    if (this.#rule.matches({ user: nothing, device: attributes, facts })) {
      this.members.add("device", device);
    }
  }

  #judgeUser(number: number, user: ProfileAttributes, device: ProfileAttributes): void {
    if (this.#sources.subjects.isForgotten("user", number)) return;
    const facts = this.#facts.of("user", number);
    if (this.#rule.matches({ user, device, facts })) this.members.add("user", number);
  }

  /** Visits every number, with the attributes where the rule reads any of this kind. */
  async #each(
    kind: SubjectKind,
    from: number,
    last: number,
    visit: (number: number, attributes: ProfileAttributes) => void,
  ): Promise<void> {
    const { pacer, profiles } = this.#sources;
    let next = from;
    const visitUpTo = async (number: number) => {
      while (next < number) {
        visit(next++, nothing);
        if (pacer.isDue) await this.#rest();
      }
    };
    if (this.#reads[kind].length > 0) {
      for await (const { number, attributes } of profiles.scan(kind, from, last + 1)) {
        if (next < number) await visitUpTo(number);
        visit(number, attributes);
        next = number + 1;
        if (pacer.isDue) await this.#rest();
      }
    }
    await visitUpTo(last + 1);
  }

  async #rest(): Promise<void> {
    await this.#sources.step(this);
    await this.#sources.pacer.rest();
  }
}

const nothing: ProfileAttributes = {};

/** The attributes of one kind that a rule reads, without what is inside of them. */
function namesOf(kind: SubjectKind, variables: readonly string[]): string[] {
  const names = variables.filter((name) => name.startsWith(`${kind}.`))
    .map((name) => name.split(".")[1]!);
  return [...new Set(names)];
}
