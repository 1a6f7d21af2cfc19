import type { hideChoices } from "../events/message_action.ts";
export type SubjectKind = "device" | "user";
export interface CountOptions {
  fromMs: number;
  toMs: number;
  session?: number;
  max: number;
  knownMs: number;
}
export class Exposures {
  count(_c: string, _k: SubjectKind, _n: number, _o: CountOptions): number {
    return 0;
  }
  total(_c: string, _k: SubjectKind, _n: number, _knownMs: number, _max: number): number {
    return 0;
  }
  hides(
    _c: string,
    _k: SubjectKind,
    _n: number,
    _knownMs: number,
  ): readonly { atMs: number; for: (typeof hideChoices)[number] }[] {
    return [];
  }
  claim(
    _d: string,
  ): {
    campaignId: string;
    device: number;
    user: number;
    session: number;
    atMs: number;
    used: boolean;
  } | undefined {
    return undefined;
  }
  stamp(_k: SubjectKind, _n: number): number {
    return 0;
  }
  nextLapseMs(_k: SubjectKind, _n: number, _now: number): number {
    return Infinity;
  }
}
