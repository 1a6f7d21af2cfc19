/** Checks what stands beside the log and refers to it: commits, answers, bodies, numbers, the tip. */
import type { SubjectKind } from "../../events/profile_events.ts";
import {
  keys,
  type LogReader,
  parsePosition,
  type RememberedAnswer,
  retried,
} from "../event_store/mod.ts";
import { logStart } from "../event_store/mod.ts";
import { type LogSeen, rowAt, rowKey } from "./check_log.ts";
import { entriesUnder, type Findings } from "./findings.ts";
import { checkProfiles } from "./profiles_seen.ts";

export async function checkReferences(
  kv: Deno.Kv,
  { epoch, importedThrough }: LogReader,
  seen: LogSeen,
  findings: Findings,
): Promise<void> {
  await checkCommits(kv, seen, findings);
  await checkAnswers(kv, seen, findings);
  await checkOrphanBodies(kv, seen, findings);
  await checkIdentities(kv, epoch, importedThrough, seen, findings);
  await checkTip(kv, epoch, seen, findings);
}

/** Commit entries expire; those that are left match a row, or are of answers alone. */
async function checkCommits(kv: Deno.Kv, seen: LogSeen, findings: Findings): Promise<void> {
  for await (
    const { key, value, versionstamp } of entriesUnder(kv, keys.commitPrefix(), findings.pacing)
  ) {
    findings.count("commits");
    const commitId = String(key[key.length - 1]);
    const { epoch, count } = value as { epoch: number; count: number };
    const row = await rowAt(kv, seen, epoch, versionstamp);
    if (!row) {
      if (count !== 0) findings.fault(`commit ${commitId} has no row in the log`);
    } else if (row.commitId !== commitId) {
      findings.fault(`commit ${commitId} stands at the row of commit ${row.commitId}`);
    } else if (row.count !== count) {
      findings.fault(`commit ${commitId} says ${count} events, its row has ${row.count}`);
    }
  }
}

async function checkAnswers(kv: Deno.Kv, seen: LogSeen, findings: Findings): Promise<void> {
  for await (
    const { key, value, versionstamp } of entriesUnder(kv, keys.commandPrefix(), findings.pacing)
  ) {
    findings.count("remembered answers");
    const answer = value as RememberedAnswer;
    const where = `the answer remembered under ${String(key[key.length - 1])}`;
    const row = await rowAt(kv, seen, answer.epoch, versionstamp);
    if (row && row.commitId !== answer.commitId) {
      findings.fault(`${where} names commit ${answer.commitId}, its row is of ${row.commitId}`);
    } else if (answer.index !== undefined) {
      if (!row) findings.fault(`${where} refers to a row that is not in the log`);
      else if (!(answer.index >= 0 && answer.index < row.count)) {
        findings.fault(`${where} refers to event ${answer.index} of a row of ${row.count}`);
      }
    } else if (!await isEvent(kv, seen, answer.position)) {
      findings.fault(`${where} refers to ${answer.position}, where no event stands`);
    }
  }
}

async function isEvent(
  kv: Deno.Kv,
  seen: LogSeen,
  position: string | undefined,
): Promise<boolean> {
  if (position === logStart) return true;
  const place = parsePosition(position ?? "");
  const row = place && await rowAt(kv, seen, place.epoch, place.versionstamp);
  return row !== null && place!.index < row.count;
}

async function checkOrphanBodies(kv: Deno.Kv, seen: LogSeen, findings: Findings): Promise<void> {
  for await (const { key } of entriesUnder(kv, keys.bodyPrefix(), findings.pacing)) {
    const ref = String(key[key.length - 2]);
    const part = Number(key[key.length - 1]);
    const parts = seen.bodyParts.get(ref);
    if (parts !== undefined && part < parts) continue;
    if (parts === undefined && await appendedMeanwhile(kv, seen, ref)) continue;
    findings.fault(`part ${part} of body ${ref} belongs to no event`);
  }
}

/** A body is named after its commit, and stored with it. */
async function appendedMeanwhile(kv: Deno.Kv, seen: LogSeen, ref: string): Promise<boolean> {
  const entry = await retried(() => kv.get<{ epoch: number }>(keys.commit(ref)));
  if (!entry.value || seen.rows.has(rowKey(entry.value.epoch, entry.versionstamp))) return false;
  return await rowAt(kv, seen, entry.value.epoch, entry.versionstamp) !== null;
}

async function checkIdentities(
  kv: Deno.Kv,
  epoch: number,
  importedThrough: string,
  seen: LogSeen,
  findings: Findings,
): Promise<void> {
  const owners = { device: new Map<number, string>(), user: new Map<number, string>() };
  const highest = {
    device: { ...seen.highest.device },
    user: { ...seen.highest.user },
  };
  for (const kind of ["device", "user"] as const) {
    for await (
      const { key, value } of entriesUnder(kv, keys.identityPrefix(kind), findings.pacing)
    ) {
      findings.count("identities");
      const id = String(key[key.length - 1]);
      const number = value as number;
      if (!Number.isInteger(number) || number < 1) {
        findings.fault(`${kind} ${id} has the number ${number}`);
        continue;
      }
      const owner = owners[kind].get(number);
      if (owner !== undefined) {
        findings.fault(`the ${kind}s ${owner} and ${id} have the same number ${number}`);
      }
      owners[kind].set(number, id);
      if (seen.profiles.isForgotten(kind, number)) {
        findings.fault(`a ${kind} has the number ${number} of a forgotten person`);
      }
      if (number > highest[kind].number) highest[kind] = { number, where: `${kind} ${id}` };
    }
    // Read after them, so that it has counted all of those.
    const counter = await retried(() => kv.get<number>(keys.identityCounter(kind)));
    const last = counter.value ?? 0;
    for (const { number, where } of new Set([seen.highest[kind], highest[kind]])) {
      if (number <= last) continue;
      findings.fault(`${where}: the ${kind} number ${number} is above the counter, ${last}`);
    }
  }
  const ownerOf = (kind: SubjectKind, number: number) => owners[kind].get(number);
  // Rows that were imported have versionstamps of another database, which say nothing here.
  const isOwn = seen.last !== undefined && seen.last.position > importedThrough;
  const last = isOwn ? seen.last!.versionstamp : undefined;
  await checkProfiles(kv, epoch, last, seen.profiles, ownerOf, findings);
}

async function checkTip(
  kv: Deno.Kv,
  epoch: number,
  seen: LogSeen,
  findings: Findings,
): Promise<void> {
  const tip = await retried(() => kv.get<string>(keys.tip(), { consistency: "strong" }));
  const moving = [...seen.rows].filter(([key, { moves }]) => moves && key.startsWith(`${epoch} `));
  const [lastKey, last] = moving.at(-1) ?? [];
  if (tip.value === null) {
    if (last) findings.fault(`the tip is missing; the last commit of commands is ${last.commitId}`);
    return;
  }
  const wrong = (why: string) => findings.fault(`the tip, commit ${tip.value}, ${why}`);
  if (lastKey && lastKey > rowKey(epoch, tip.versionstamp)) {
    return wrong(`is before the last commit of commands, ${last!.commitId}`);
  }
  const row = await rowAt(kv, seen, epoch, tip.versionstamp);
  if (row) {
    if (row.commitId !== tip.value) wrong(`stands at the row of commit ${row.commitId}`);
    return;
  }
  // A commit of answers alone moves the tip and has no row.
  const entry = await retried(() => kv.get<{ count: number }>(keys.commit(tip.value!)));
  const elsewhere = seen.placeByCommit.has(tip.value) ||
    (entry.value !== null && entry.versionstamp !== tip.versionstamp);
  if (elsewhere) wrong("is not the last commit of commands");
  else if (entry.value && entry.value.count > 0) wrong("has no row in the log");
}
