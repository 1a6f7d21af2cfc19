import type { SubjectKind } from "../../projections/exposures.ts";
export interface MemberSet {
  has(kind: SubjectKind, number: number): boolean;
  readonly size: number;
}
export interface Snapshot {
  id: string;
  members: MemberSet | null;
  excluded: MemberSet | null;
  size: number | null;
  digest: string | null;
}
export class Snapshots {
  get(_id: string): Snapshot | undefined {
    return undefined;
  }
  load(_id: string): Promise<Snapshot | null> {
    return Promise.resolve(null);
  }
}
