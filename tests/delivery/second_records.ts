/** What happened to subjects, for the second model: caps and hides by filtering the list of all of it. */
import { looksLikeSameHour, sameDay, sameHour, wallOf } from "./second_calendar.ts";
import {
  type Campaign,
  type Cap,
  type Claim,
  hideLengths,
  type Interaction,
  lifeOf,
  type World,
} from "./second_life.ts";
import type { Asked, Note } from "./second_model.ts";

export const claimLapseMs = 10 * 60_000;

/** Of one campaign, what is repeated left out: the first interaction with an id is the one that counts. */
export interface Records {
  readonly interactions: Interaction[];
  readonly claims: Claim[];
}
interface Sorted {
  interactions: number;
  claims: number;
  readonly ids: Set<string>;
  readonly byCampaign: Map<string, Records>;
}
const sorted = new WeakMap<World, Sorted>();

export function recordsOf(world: World, campaignId: string): Records {
  let known = sorted.get(world);
  if (!known) {
    sorted.set(
      world,
      known = { interactions: 0, claims: 0, ids: new Set(), byCampaign: new Map() },
    );
  }
  const of = (id: string) => {
    let records = known.byCampaign.get(id);
    if (!records) known.byCampaign.set(id, records = { interactions: [], claims: [] });
    return records;
  };
  for (; known.interactions < world.interactions.length; known.interactions++) {
    const one = world.interactions[known.interactions]!;
    if (known.ids.has(one.id)) continue;
    known.ids.add(one.id);
    of(one.campaignId).interactions.push(one);
  }
  for (; known.claims < world.claims.length; known.claims++) {
    const claim = world.claims[known.claims]!;
    of(claim.campaignId).claims.push(claim);
  }
  return of(campaignId);
}

/** Impressions, and claims that are open. */
export function usedOf(
  campaign: Campaign,
  { interactions, claims }: Records,
  { per, by }: Cap,
  asked: Asked,
  zone: string,
  atMs: number,
  note: Note,
): number {
  const isBySubject = (one: Interaction | Claim) =>
    by === "user" && asked.userId !== undefined
      ? one.userId === asked.userId
      : one.deviceId === asked.deviceId;
  const isInUnit = (happenedMs: number, sessionMs: number | null) => {
    switch (per) {
      case "total":
        return true;
      case "day":
        return sameDay(zone, happenedMs, atMs);
      case "hour":
        if (looksLikeSameHour(zone, happenedMs, atMs)) note("cap told repeated hours apart");
        return sameHour(zone, happenedMs, atMs);
      case "session":
        return asked.session !== undefined && sessionMs === asked.session.startedMs;
    }
  };
  let used = 0;
  for (const one of interactions) {
    if (one.kind !== "impression" || !isBySubject(one)) continue;
    if (!isInUnit(one.occurredAtMs, one.sessionMs)) continue;
    if (one.recordedAtMs > atMs) {
      note("cap: recorded later, not known yet");
      continue;
    }
    used++;
    if (one.recordedAtMs - one.occurredAtMs > 30 * 60_000) note("cap: arrived late, counted");
    const { live } = lifeOf(campaign);
    const wasLive = live.some(({ fromMs, untilMs }) =>
      fromMs <= one.occurredAtMs && one.occurredAtMs < untilMs
    );
    if (!wasLive) note("cap: seen while it was stopped, counted");
    if (one.occurredAtMs > atMs) note("cap: ahead of its time, counted");
    if (by === "user" && one.deviceId !== asked.deviceId) note("cap: seen on another device");
    if (by === "device" && one.userId !== asked.userId) note("cap: seen by another on this device");
  }
  for (const claim of claims) {
    if (!isBySubject(claim) || claim.grantedAtMs > atMs) continue;
    if (!isInUnit(claim.grantedAtMs, claim.sessionMs)) continue;
    const isUsedUp = interactions.some((one) =>
      one.kind === "impression" && one.claimId === claim.claimId && one.recordedAtMs <= atMs
    );
    if (isUsedUp) note("claim used up by its impression");
    else if (atMs >= claim.grantedAtMs + claimLapseMs) note("claim lapsed");
    else {
      note("claim open");
      used++;
    }
  }
  return used;
}

export function isHidden(
  { interactions }: Records,
  campaign: Campaign,
  asked: Asked,
  zone: string,
  atMs: number,
  note: Note,
): boolean {
  let hidden = false;
  for (const one of interactions) {
    if (one.kind !== "hide" || one.recordedAtMs > atMs) continue;
    const isOfUser = asked.userId !== undefined && one.userId === asked.userId;
    if (one.deviceId !== asked.deviceId && !isOfUser) continue;
    const length = lengthOf(campaign, one);
    const days = wallOf(zone, atMs).day - wallOf(zone, one.occurredAtMs).day;
    const holds = days < hideLengths[length];
    note(`hide ${length} ${holds ? "holds" : "is over"}`);
    if (holds && one.deviceId !== asked.deviceId) note("hide of the user on another device");
    if (holds && !isOfUser && one.userId !== undefined) note("hide of the device, by another user");
    if (one.name === undefined) note("hide as the button says");
    hidden ||= holds;
  }
  return hidden;
}

/** What it says itself, else what the button in that revision offers, else today. */
function lengthOf(campaign: Campaign, { name, elementId, revision }: Interaction) {
  if (name !== undefined) return name;
  const on = lifeOf(campaign).revisions.find((one) => one.revision === revision);
  return (elementId === "later" ? on?.settings.later : null) ?? "today";
}
