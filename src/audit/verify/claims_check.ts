/** Compares what the server says of its campaigns with what the events alone give. */
import { canonicalJson } from "../../event_store/mod.ts";
import type { Findings } from "../findings.ts";
import type { HistorySource } from "./history_source.ts";
import type { Recomputed } from "./recomputed.ts";

export async function checkClaims(
  source: HistorySource,
  recomputed: Recomputed,
  position: string,
  findings: Findings,
): Promise<void> {
  const told = new Set<string>();
  for await (const { line, where } of source.claims(position, recomputed.campaignIds(), findings)) {
    findings.count("claims");
    const claim = parsed(line);
    if (!claim) {
      findings.fault(`${where} is no claim`);
      continue;
    }
    const { campaignId } = claim;
    if (told.has(campaignId)) findings.fault(`${where} speaks of ${campaignId} again`);
    told.add(campaignId);
    const expected = await recomputed.claim(campaignId);
    if (expected === null) findings.fault(`${where}: no event tells of campaign ${campaignId}`);
    else if (expected !== line) {
      const difference = firstDifference(claim, JSON.parse(expected), "") ??
        "it is not written as it has to be";
      findings.fault(`${where}: campaign ${campaignId}: ${difference}`);
    }
  }
  for (const campaignId of recomputed.campaignIds()) {
    if (!told.has(campaignId)) findings.fault(`nothing is claimed of campaign ${campaignId}`);
  }
}

function parsed(line: string): { readonly campaignId: string } | null {
  try {
    const claim = JSON.parse(line);
    return typeof claim?.campaignId === "string" ? claim : null;
  } catch {
    return null;
  }
}

/** Null: both are the same. */
function firstDifference(told: unknown, found: unknown, pointer: string): string | null {
  if (isObject(told) && isObject(found)) {
    for (const key of new Set([...Object.keys(told), ...Object.keys(found)])) {
      const difference = firstDifference(told[key], found[key], `${pointer}/${key}`);
      if (difference !== null) return difference;
    }
    return null;
  }
  if (shown(told) === shown(found)) return null;
  return `the server says ${pointer} is ${shown(told)}, the events give ${shown(found)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}

function shown(value: unknown): string {
  return value === undefined ? "absent" : canonicalJson(value);
}
