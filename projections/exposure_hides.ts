/**
 * What subjects asked not to be shown: of each choice the latest, which the others are over before. A
 * row holds 2,048 neighbouring numbers of a campaign.
 */
import { hideChoices } from "../events/message_action.ts";
import { type SubjectKind, subjectKinds } from "../events/profile_events.ts";

export const hidePrefix = "exposure/hide/";
const rowNumbersShift = 11;

export type HideChoice = (typeof hideChoices)[number];

export interface Hide {
  readonly atMs: number;
  readonly for: HideChoice;
}

interface KeptHide extends Hide {
  readonly recordedMs: number;
}

export class ExposureHides {
  readonly #campaigns: Readonly<Record<SubjectKind, Map<string, HideRow[]>>> = {
    device: new Map(),
    user: new Map(),
  };

  constructor(readonly noteDirty: (rowKey: string) => void) {}

  /** The latest first. */
  of(campaignId: string, kind: SubjectKind, number: number): readonly KeptHide[] {
    return this.#campaigns[kind].get(campaignId)?.[number >>> rowNumbersShift]?.hides.get(number) ??
      [];
  }

  add(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    hide: KeptHide,
    position: string,
  ): void {
    const index = number >>> rowNumbersShift;
    const row = this.#row(kind, campaignId, index);
    if (position <= row.through) return;
    const kept = row.hides.get(number) ?? [];
    const same = kept.find((one) => one.for === hide.for);
    if (same && same.atMs >= hide.atMs) return;
    row.hides.set(number, [...kept.filter((one) => one !== same), hide].sort(latestFirst));
    this.noteDirty(rowKey(kind, campaignId, index));
  }

  /** Numbers in ascending order: the same hides always give the same bytes. */
  encode(key: string): Uint8Array {
    const entries = [...this.#rowOf(key).hides].sort(([a], [b]) => a - b).map(([number, kept]) => [
      number,
      ...kept.flatMap(({ for: choice, atMs, recordedMs }) => [
        hideChoices.indexOf(choice),
        atMs,
        recordedMs,
      ]),
    ]);
    return new TextEncoder().encode(JSON.stringify(entries));
  }

  load(key: string, bytes: Uint8Array, through: string): void {
    const row = this.#rowOf(key);
    row.through = through;
    for (const entry of JSON.parse(new TextDecoder().decode(bytes)) as number[][]) {
      const kept: KeptHide[] = [];
      for (let at = 1; at < entry.length; at += 3) {
        const [choice, atMs, recordedMs] = entry.slice(at, at + 3);
        kept.push({ for: hideChoices[choice!]!, atMs: atMs!, recordedMs: recordedMs! });
      }
      row.hides.set(entry[0]!, kept);
    }
  }

  *rowKeys(): Iterable<string> {
    for (const kind of subjectKinds) {
      for (const [campaignId, rows] of this.#campaigns[kind]) {
        for (const index in rows) yield rowKey(kind, campaignId, Number(index));
      }
    }
  }

  #rowOf(key: string): HideRow {
    const [kind, index, ...campaign] = key.slice(hidePrefix.length).split("/");
    return this.#row(kind as SubjectKind, campaign.join("/"), Number(index));
  }

  #row(kind: SubjectKind, campaignId: string, index: number): HideRow {
    const rows = this.#campaigns[kind].get(campaignId) ?? [];
    if (rows.length === 0) this.#campaigns[kind].set(campaignId, rows);
    return rows[index] ??= { hides: new Map(), through: "" };
  }
}

interface HideRow {
  /** By number. */
  readonly hides: Map<number, readonly KeptHide[]>;
  /** Events up to here are in it. */
  through: string;
}

function rowKey(kind: SubjectKind, campaignId: string, index: number): string {
  return `${hidePrefix}${kind}/${index}/${campaignId}`;
}

/** Equal instants in one order. */
function latestFirst(a: KeptHide, b: KeptHide): number {
  return b.atMs - a.atMs || hideChoices.indexOf(a.for) - hideChoices.indexOf(b.for);
}
