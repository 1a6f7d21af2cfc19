/** Who is in an audience now: for a preview, and for the snapshot of a campaign that prepares. */
import type { SubjectKind } from "../../events/profile_events.ts";
import { OverloadedError } from "../event_store/mod.ts";
import { Members } from "./members.ts";
import { Pacer } from "./pacer.ts";
import { type Place, RuleCalculation, type RuleSources } from "./rule_calculation.ts";
import type { AudienceSource, ProfileSource, RegisterSource, SubjectSource } from "./sources.ts";

/** Previews at a time; each goes through everybody. */
const previewsMax = 2;
const sampleMax = 20;
/** Entries of the register that are looked at to name members of whom nothing else is known. */
const registerEntriesMax = 200_000;

export type SampleMember = { readonly userId: string } | { readonly deviceId: string };

export interface Preview {
  readonly size: number;
  readonly sample: readonly SampleMember[];
}

export interface CalculationOptions {
  readonly profiles: ProfileSource;
  readonly register: RegisterSource;
  /** As folded now. Throws when it cannot be trusted: its fold has stopped. */
  subjects(): SubjectSource;
  audiences(): AudienceSource;
  nowMs(): number;
}

export class AudienceCalculation {
  readonly pacer = new Pacer();
  #previews = 0;
  #closed = false;

  constructor(readonly options: CalculationOptions) {}

  /** Ends previews that are under way. */
  close(): void {
    this.#closed = true;
  }

  /** Exact. Refused while others are calculated, and when the process ends. */
  async preview(rule: unknown): Promise<Preview> {
    if (this.#previews >= previewsMax) {
      throw new OverloadedError(`${previewsMax} previews are being calculated; ask again later`);
    }
    this.#previews++;
    const members = new Members();
    try {
      await this.rule(rule, members, {
        highest: await this.highest(),
        nowMs: this.options.nowMs(),
        step: () => this.assertOpen(),
      }).run();
      return { size: members.size, sample: await this.#sample(members) };
    } finally {
      this.#previews--;
      members.dispose();
    }
  }

  /** Throws when the process ends: what nobody can wait for need not go on. */
  assertOpen(): void {
    if (this.#closed) throw new OverloadedError("the server is stopping; ask again");
  }

  /** Who is registered now. */
  async highest(): Promise<Record<SubjectKind, number>> {
    const { register } = this.options;
    const [user, device] = await Promise.all([
      register.highest("user"),
      register.highest("device"),
    ]);
    return { user, device };
  }

  /** A calculation, to be run; it goes on `from` where another one ended, on that one's members. */
  rule(
    rule: unknown,
    members: Members,
    how: Pick<RuleSources, "highest" | "nowMs" | "step">,
    from?: Place,
  ): RuleCalculation {
    const { profiles } = this.options;
    const subjects = this.options.subjects();
    const { pacer } = this;
    return new RuleCalculation(rule, { ...how, profiles, subjects, pacer }, members, from);
  }

  /** Adds those who are in a list now. */
  addList(audienceId: string, members: Members): void {
    const audiences = this.options.audiences();
    for (const kind of ["user", "device"] as const) {
      members.addAll(kind, audiences.members(audienceId, kind).bitmap);
    }
  }

  /** Members by their ids: those with a profile first, because that names them. */
  async #sample(members: Members): Promise<SampleMember[]> {
    const { profiles, register } = this.options;
    const ids = { user: new Set<string>(), device: new Set<string>() };
    const count = () => ids.user.size + ids.device.size;
    const wanted = Math.min(sampleMax, members.size);
    for (const kind of ["user", "device"] as const) {
      for (const number of members.some(kind, wanted - count())) {
        for await (const { id } of profiles.scan(kind, number, number + 1)) ids[kind].add(id);
      }
    }
    let looked = 0;
    for (const kind of ["user", "device"] as const) {
      if (count() >= wanted) break;
      for await (const { id, number } of register.entries(kind)) {
        if (members.has(kind, number)) ids[kind].add(id);
        if (count() >= wanted || ++looked >= registerEntriesMax) break;
        if (this.pacer.isDue) await this.pacer.rest();
      }
    }
    return [
      ...[...ids.user].map((userId) => ({ userId })),
      ...[...ids.device].map((deviceId) => ({ deviceId })),
    ];
  }
}
