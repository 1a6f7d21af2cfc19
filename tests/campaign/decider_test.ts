/**
 * What a campaign does, as sentences: given these events, when this is asked at that time, then these
 * events follow or this refusal. Times are of one day; the campaign is to be posted from 12:00 to
 * 18:00, prepares an hour ahead and reflects modifications for ten minutes. Every status crossed
 * with every command is in `table_test.ts`.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { CampaignEvent, CampaignStatus } from "../../events/campaign_events.ts";
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import {
  allowedActions,
  type CampaignAction,
  type CampaignCommand,
  type CampaignContext,
  campaignDecider,
  type CampaignRefusalCode,
  type CampaignState,
  dueAtMs,
  nextBoundary,
} from "../../src/campaign/mod.ts";

const settings: CampaignSettings = {
  name: "Spring sale",
  type: "modal_text",
  platforms: ["web"],
  content: { body: "Everything must go" },
  schedule: { startAt: instant("12:00"), endAt: instant("18:00") },
};
const audience = { kind: "audience" as const, audienceId: "aud_1" };
const forAudience: CampaignSettings = { ...settings, audience };

/** An event and when it was recorded; what a spec expects is recorded when it is asked. */
interface Dated {
  time: string;
  event: CampaignEvent;
}

const created = (time: string, given: CampaignSettings = settings): Dated => ({
  time,
  event: { type: "campaign_created", schema: 1, data: { settings: given, copiedFrom: null } },
});
const edited = (time: string, set: Record<string, unknown>, contentRevision = 1): Dated => ({
  time,
  event: { type: "campaign_edited", schema: 1, data: { set, contentRevision } },
});
const deleted = (time: string): Dated => ({
  time,
  event: { type: "campaign_deleted", schema: 1, data: {} },
});
const activated = (time: string): Dated => ({
  time,
  event: { type: "campaign_activated", schema: 1, data: {} },
});
const restarted = (time: string): Dated => ({
  time,
  event: { type: "campaign_restarted", schema: 1, data: {} },
});
const preparing = (time: string): Dated => ({
  time,
  event: { type: "campaign_preparing", schema: 1, data: { at: instant(time) } },
});
const frozenAll = (time: string): Dated => frozen(time, "all", null, null);
const frozen = (
  time: string,
  snapshotId = "snap_1",
  size: number | null = 3,
  digest: string | null = "d1",
): Dated => ({
  time,
  event: {
    type: "audience_frozen",
    schema: 1,
    data: { at: instant(time), snapshotId, size, digest },
  },
});
const posted = (time: string): Dated => ({
  time,
  event: { type: "campaign_posted", schema: 1, data: { at: instant(time) } },
});
const reflected = (time: string): Dated => ({
  time,
  event: { type: "modifications_reflected", schema: 1, data: { at: instant(time) } },
});
const stopped = (time: string, lateAfter: string): Dated => ({
  time,
  event: { type: "campaign_stopped", schema: 1, data: { lateAfter: instant(lateAfter) } },
});
const ended = (
  time: string,
  cause: "end_reached" | "end_command" = "end_reached",
  neverPosted = false,
): Dated => ({
  time,
  event: { type: "campaign_ended", schema: 1, data: { at: instant(time), cause, neverPosted } },
});
const neverPosted = (time: string) => ended(time, "end_reached", true);

const writing = [created("08:00")];
const waiting = [...writing, activated("09:00")];
const publishing = [...waiting, preparing("11:00"), frozenAll("11:00")];
const posting = [...publishing, posted("12:00")];
const reflecting = [...posting, edited("13:00", { description: "Soon" })];
const stop = [...waiting, stopped("09:30", "09:31")];
const stoppedPosting = [...posting, stopped("14:00", "14:01")];
const over = [...posting, ended("18:00")];

const waitingForAudience = [created("08:00", forAudience), activated("09:00")];
const calculating = [...waitingForAudience, preparing("11:00")];
const waitingForAllButSome = [
  created("08:00", { ...settings, audience: { kind: "all", excludeAudienceId: "aud_2" } }),
  activated("09:00"),
];

const edit = (patch: Record<string, unknown>): CampaignCommand => ({ type: "edit", patch });
const restore = (earlier: CampaignSettings): CampaignCommand => ({
  type: "restore",
  settings: earlier,
});
const advance: CampaignCommand = { type: "advance" };
const activate: CampaignCommand = { type: "activate" };
const restart: CampaignCommand = { type: "restart" };
const end: CampaignCommand = { type: "end" };
const remove: CampaignCommand = { type: "delete" };
const halt: CampaignCommand = { type: "stop" };
const freeze: CampaignCommand = {
  type: "freeze_audience",
  snapshot: { snapshotId: "snap_1", size: 3, digest: "d1" },
};

interface Spec {
  given: Dated[];
  at: string;
  when: CampaignCommand;
  around?: Partial<CampaignContext>;
  /** Events, a refusal's code, or what is invalid as `POINTER CODE`. */
  then: Dated[] | CampaignRefusalCode | { invalid: string[] };
  /** The status afterwards. */
  status?: CampaignState["status"];
}

const noAudience = { audienceExists: () => false };

const specs: Record<string, Record<string, Spec>> = {
  "create": {
    "begins a draft": { given: [], at: "08:00", when: create(), then: writing, status: "writing" },
    "a draft may be incomplete": {
      given: [],
      at: "08:00",
      when: create({ name: "Spring", type: "modal_text" }),
      then: [created("08:00", { name: "Spring", type: "modal_text" })],
    },
    "an audience must exist": {
      given: [],
      at: "08:00",
      when: create({ ...forAudience, audience: { ...audience, excludeAudienceId: "aud_2" } }),
      around: { audienceExists: (id) => id === "aud_1" },
      then: { invalid: ["/audience/excludeAudienceId unknown_audience"] },
    },
  },

  "edit a draft": {
    "everything, each changed setting whole": {
      given: writing,
      at: "08:30",
      when: edit({ type: "sticky_banner", content: { position: "top" }, name: "Autumn" }),
      then: [
        edited("08:30", {
          name: "Autumn",
          type: "sticky_banner",
          content: { body: "Everything must go", position: "top" },
        }),
      ],
      status: "writing",
    },
    "null takes a setting back to its default": {
      given: [created("08:00", { ...settings, priority: 70 })],
      at: "08:30",
      when: edit({ priority: null }),
      then: [edited("08:30", { priority: null })],
    },
    "instants are kept in UTC": {
      given: writing,
      at: "08:30",
      when: edit({ schedule: { startAt: "2026-04-01T22:00:00+09:00" } }),
      then: [
        edited("08:30", { schedule: { startAt: instant("13:00"), endAt: instant("18:00") } }),
      ],
    },
    "the same settings again append nothing": {
      given: writing,
      at: "08:30",
      when: edit({ name: "Spring sale", priority: 50, audience: { kind: "all" } }),
      then: [],
    },
    "a name has no default": {
      given: writing,
      at: "08:30",
      when: edit({ name: null }),
      then: { invalid: ["/name required"] },
    },
    "nor has the type": {
      given: writing,
      at: "08:30",
      when: edit({ type: null }),
      then: { invalid: ["/type required"] },
    },
    "unknown fields are refused": {
      given: writing,
      at: "08:30",
      when: edit({ colour: "red" }),
      then: { invalid: ["/colour unknown_field"] },
    },
    "what the type forbids is refused": {
      given: writing,
      at: "08:30",
      when: edit({ content: { position: "top" } }),
      then: { invalid: ["/content/position forbidden"] },
    },
    "the end comes after the start": {
      given: writing,
      at: "08:30",
      when: edit({ schedule: { endAt: instant("12:00") } }),
      then: { invalid: ["/schedule/endAt end_not_after_start"] },
    },
    "an end in the past is nobody's concern yet": {
      given: writing,
      at: "20:00",
      when: edit({ name: "Autumn" }),
      then: [edited("20:00", { name: "Autumn" })],
    },
    "the audience must exist": {
      given: writing,
      at: "08:30",
      when: edit({ audience }),
      around: noAudience,
      then: { invalid: ["/audience/audienceId unknown_audience"] },
    },
    "one that was named before is not looked up again": {
      given: [created("08:00", forAudience)],
      at: "08:30",
      when: edit({ name: "Autumn" }),
      around: noAudience,
      then: [edited("08:30", { name: "Autumn" })],
    },
    "the content's revision is 1 until the first posting": {
      given: writing,
      at: "08:30",
      when: edit({ content: { body: "New" } }),
      then: [edited("08:30", { content: { body: "New" } }, 1)],
    },
  },

  "delete": {
    "a draft": { given: writing, at: "08:30", when: remove, then: [deleted("08:30")] },
    "not one that is active": { given: waiting, at: "09:30", when: remove, then: "not_writing" },
    "not one that was active": { given: stop, at: "10:00", when: remove, then: "not_writing" },
    "not one that has ended": { given: over, at: "19:00", when: remove, then: "campaign_ended" },
  },

  "activate": {
    "waits for its time": {
      given: writing,
      at: "09:00",
      when: activate,
      then: [activated("09:00")],
      status: "waiting_to_post",
    },
    "prepares at once within the lead": {
      given: writing,
      at: "11:30",
      when: activate,
      then: [activated("11:30"), preparing("11:30"), frozenAll("11:30")],
      status: "preparing_to_publish",
    },
    "posts at once after the start, dated at the activation": {
      given: writing,
      at: "13:00",
      when: activate,
      then: [activated("13:00"), preparing("13:00"), frozenAll("13:00"), posted("13:00")],
      status: "posting",
    },
    "after the start, but the audience is still to be calculated": {
      given: [created("08:00", forAudience)],
      at: "13:00",
      when: activate,
      then: [activated("13:00"), preparing("13:00")],
      status: "preparing_to_publish",
    },
    "takes the last slot": {
      given: writing,
      at: "09:00",
      when: activate,
      around: { otherActiveCount: 29 },
      then: [activated("09:00")],
    },
    "not without a slot": {
      given: writing,
      at: "09:00",
      when: activate,
      around: { otherActiveCount: 30 },
      then: "active_limit_reached",
    },
    "nor where the limit was lowered since": {
      given: writing,
      at: "09:00",
      when: activate,
      around: { otherActiveCount: 30, activeLimit: 5 },
      then: "active_limit_reached",
    },
    "not incomplete": {
      given: [created("08:00", { ...settings, content: {} })],
      at: "09:00",
      when: activate,
      then: "campaign_incomplete",
    },
    "not without dates": {
      given: [created("08:00", { ...settings, schedule: { startAt: instant("12:00") } })],
      at: "09:00",
      when: activate,
      then: "campaign_incomplete",
    },
    "not when its audience is gone": {
      given: [created("08:00", forAudience)],
      at: "09:00",
      when: activate,
      around: noAudience,
      then: "campaign_incomplete",
    },
    "not at its end": { given: writing, at: "18:00", when: activate, then: "end_in_past" },
    "not for a platform that is not set up": {
      given: [created("08:00", { ...settings, platforms: ["web", "ios"] })],
      at: "09:00",
      when: activate,
      then: "platform_not_set_up",
    },
    "incomplete is told before the end, the platform and the slot": {
      given: [created("08:00", { ...settings, platforms: ["ios"], content: {} })],
      at: "19:00",
      when: activate,
      around: { otherActiveCount: 30 },
      then: "campaign_incomplete",
    },
    "the end before the platform and the slot": {
      given: [created("08:00", { ...settings, platforms: ["ios"] })],
      at: "19:00",
      when: activate,
      around: { otherActiveCount: 30 },
      then: "end_in_past",
    },
    "the platform before the slot": {
      given: [created("08:00", { ...settings, platforms: ["ios"] })],
      at: "09:00",
      when: activate,
      around: { otherActiveCount: 30 },
      then: "platform_not_set_up",
    },
    "not twice": { given: waiting, at: "09:30", when: activate, then: "already_active" },
    "a stopped one restarts instead": {
      given: stop,
      at: "10:00",
      when: activate,
      then: "not_writing",
    },
    "not after the end": { given: over, at: "19:00", when: activate, then: "campaign_ended" },
  },

  "edit while waiting": {
    "everything": {
      given: waiting,
      at: "10:00",
      when: edit({ type: "sticky_banner", content: banner(), audience }),
      then: [
        edited("10:00", {
          type: "sticky_banner",
          content: { body: "Everything must go", ...banner() },
          audience,
        }),
      ],
      status: "waiting_to_post",
    },
    "a later start moves its boundaries": {
      given: [...waiting, edited("10:00", { schedule: schedule("14:00", "18:00") })],
      at: "13:00",
      when: advance,
      then: [preparing("13:00"), frozenAll("13:00")],
    },
    "an earlier start is prepared at once": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: { startAt: instant("10:30") } }),
      then: [
        edited("10:00", { schedule: schedule("10:30", "18:00") }),
        preparing("10:00"),
        frozenAll("10:00"),
      ],
    },
    "a start in the past is posted at once, dated at the edit": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: { startAt: instant("07:00") } }),
      then: [
        edited("10:00", { schedule: schedule("07:00", "18:00") }),
        preparing("10:00"),
        frozenAll("10:00"),
        posted("10:00"),
      ],
      status: "posting",
    },
    "it stays complete": {
      given: waiting,
      at: "10:00",
      when: edit({ content: { body: null } }),
      then: "campaign_incomplete",
    },
    "it keeps an end": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: { endAt: null } }),
      then: "campaign_incomplete",
    },
    "it stays valid": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: { endAt: instant("11:00") } }),
      then: { invalid: ["/schedule/endAt end_not_after_start"] },
    },
    "its end stays ahead": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: schedule("07:00", "10:00") }),
      then: "end_in_past",
    },
    "an end both past and before the start is past": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: { endAt: "2026-04-01T19:00:00+09:00" } }),
      then: "end_in_past",
    },
    "its platforms stay set up": {
      given: waiting,
      at: "10:00",
      when: edit({ platforms: ["android"] }),
      then: "platform_not_set_up",
    },
    "the end is told before what is missing": {
      given: waiting,
      at: "10:00",
      when: edit({ schedule: schedule("07:00", "10:00"), content: null, platforms: ["ios"] }),
      then: "end_in_past",
    },
    "what is missing before the platform": {
      given: waiting,
      at: "10:00",
      when: edit({ content: null, platforms: ["ios"] }),
      then: "campaign_incomplete",
    },
    "an unknown audience comes last": {
      given: waiting,
      at: "10:00",
      when: edit({ audience, platforms: ["ios"] }),
      around: noAudience,
      then: "platform_not_set_up",
    },
  },

  "edit while preparing": {
    "the content, without a new status or revision": {
      given: publishing,
      at: "11:30",
      when: edit({ content: { body: "New" } }),
      then: [edited("11:30", { content: { body: "New" } })],
      status: "preparing_to_publish",
    },
    "a later end": {
      given: publishing,
      at: "11:30",
      when: edit({ schedule: { endAt: instant("20:00") } }),
      then: [edited("11:30", { schedule: schedule("12:00", "20:00") })],
    },
    "the audience is locked": {
      given: publishing,
      at: "11:30",
      when: edit({ audience }),
      then: "audience_locked",
    },
    "so is whom it leaves out": {
      given: publishing,
      at: "11:30",
      when: edit({ audience: { kind: "all", excludeAudienceId: "aud_2" } }),
      then: "audience_locked",
    },
    "and its control group": {
      given: publishing,
      at: "11:30",
      when: edit({ audience: { kind: "all", controlPercent: 10 } }),
      then: "audience_locked",
    },
    "null would change it too": {
      given: calculating,
      at: "11:30",
      when: edit({ audience: null }),
      then: "audience_locked",
    },
    "an audience that stays the same is not judged": {
      given: publishing,
      at: "11:30",
      when: edit({ name: "Autumn", audience: { kind: "all", controlPercent: 0 } }),
      then: [
        edited("11:30", { name: "Autumn", audience: { kind: "all", controlPercent: 0 } }),
      ],
    },
    "the start is locked": {
      given: publishing,
      at: "11:30",
      when: edit({ schedule: { startAt: instant("12:30") } }),
      then: "start_locked",
    },
    "null would change it, too": {
      given: publishing,
      at: "11:30",
      when: edit({ schedule: null }),
      then: "start_locked",
    },
    "the same start in another zone is the same": {
      given: publishing,
      at: "11:30",
      when: edit({ schedule: { startAt: "2026-04-01T21:00:00+09:00" } }),
      then: [],
    },
    "the type is locked": {
      given: publishing,
      at: "11:30",
      when: edit({ type: "sticky_banner" }),
      then: "type_locked",
    },
    "locks come in order: audience, start, type": {
      given: publishing,
      at: "11:30",
      when: edit({ audience, schedule: null, type: "sticky_banner" }),
      then: "audience_locked",
    },
    "a lock is told before what is invalid": {
      given: publishing,
      at: "11:30",
      when: edit({ audience, content: { position: "top" }, priority: "high" }),
      then: "audience_locked",
    },
    "and before an unknown audience": {
      given: publishing,
      at: "11:30",
      when: edit({ audience }),
      around: noAudience,
      then: "audience_locked",
    },
    "the end stays ahead": {
      given: calculating,
      at: "12:30",
      when: edit({ schedule: { endAt: instant("12:30") } }),
      then: "end_in_past",
    },
  },

  "restore": {
    "gives back what clients received, and nothing else": {
      given: [
        ...posting,
        edited("13:00", { content: { title: "New" }, priority: 90, description: "Soon" }, 2),
      ],
      at: "14:00",
      when: restore({ ...settings, name: "Old name" }),
      then: [edited("14:00", { content: settings.content, priority: null }, 3)],
      status: "posting_reflecting_modifications",
    },
    "of what is there already changes nothing": {
      given: reflecting,
      at: "14:00",
      when: restore({ ...settings, priority: 50 }),
      then: [],
    },
    "leaves a complete campaign": {
      given: waiting,
      at: "10:00",
      when: restore({ ...settings, content: {} }),
      then: "campaign_incomplete",
    },
    "has the locks of an edit": {
      given: stoppedPosting,
      at: "15:00",
      when: restore({ ...settings, type: "sticky_banner" }),
      then: "type_locked",
    },
    "not of one that has ended": {
      given: over,
      at: "19:00",
      when: restore(settings),
      then: "campaign_ended",
    },
  },

  "edit while posting": {
    "new content is a new revision, and is reflected": {
      given: posting,
      at: "13:00",
      when: edit({ content: { body: "New" } }),
      then: [edited("13:00", { content: { body: "New" } }, 2)],
      status: "posting_reflecting_modifications",
    },
    "what no client receives is reflected without a new revision": {
      given: posting,
      at: "13:00",
      when: edit({ description: "Soon" }),
      then: [edited("13:00", { description: "Soon" }, 1)],
      status: "posting_reflecting_modifications",
    },
    "nothing new is nothing, though its platform has been disabled since": {
      given: posting,
      at: "13:00",
      when: edit({ name: settings.name }),
      around: { platformsSetUp: [] },
      then: [],
    },
    "another name, though its platform has been disabled since": {
      given: posting,
      at: "13:00",
      when: edit({ name: "Summer sale" }),
      around: { platformsSetUp: [] },
      then: [edited("13:00", { name: "Summer sale" })],
    },
    "the same start in another zone is no change: what is wrong is told": {
      given: posting,
      at: "13:00",
      when: edit({
        schedule: { startAt: instant("12:00").replace(/T12:(.*)Z/, "T21:$1+09:00") },
        priority: 1000,
      }),
      then: { invalid: ["/priority out_of_range"] },
    },
    "nothing new is not reflected": {
      given: posting,
      at: "13:00",
      when: edit({ name: "Spring sale" }),
      then: [],
      status: "posting",
    },
    "the audience is locked": {
      given: posting,
      at: "13:00",
      when: edit({ audience }),
      then: "audience_locked",
    },
    "the start is locked": {
      given: posting,
      at: "13:00",
      when: edit({ schedule: { startAt: instant("13:30") } }),
      then: "start_locked",
    },
    "the type is locked": {
      given: reflecting,
      at: "13:05",
      when: edit({ type: "modal_image" }),
      then: "type_locked",
    },
    "the end stays ahead": {
      given: posting,
      at: "13:00",
      when: edit({ schedule: { endAt: instant("13:00") } }),
      then: "end_in_past",
    },
    "a name has no default, whatever is locked": {
      given: posting,
      at: "13:00",
      when: edit({ name: null, audience }),
      then: { invalid: ["/name required"] },
    },
    "another edit begins the reflection anew": {
      given: [...reflecting, edited("13:08", { description: "Very soon" })],
      at: "13:17",
      when: advance,
      then: [],
    },
    "ten minutes after the last edit it is reflected": {
      given: [...reflecting, edited("13:08", { description: "Very soon" })],
      at: "13:18",
      when: advance,
      then: [reflected("13:18")],
      status: "posting",
    },
    "a retry of the edit is no other edit": {
      given: reflecting,
      at: "13:05",
      when: edit({ description: "Soon" }),
      then: [],
    },
  },

  "stop": {
    "while waiting": {
      given: waiting,
      at: "09:30",
      when: halt,
      then: [stopped("09:30", "09:31")],
      status: "stopped",
    },
    "while preparing": {
      given: publishing,
      at: "11:30",
      when: halt,
      then: [stopped("11:30", "11:31")],
    },
    "while posting": { given: posting, at: "13:00", when: halt, then: [stopped("13:00", "13:01")] },
    "while reflecting": {
      given: reflecting,
      at: "13:05",
      when: halt,
      then: [stopped("13:05", "13:06")],
    },
    "not a draft": { given: writing, at: "09:00", when: halt, then: "not_active" },
    "not twice": { given: stop, at: "10:00", when: halt, then: "already_stopped" },
    "not after the end": { given: over, at: "19:00", when: halt, then: "campaign_ended" },
  },

  "while stopped": {
    "start and audience may change": {
      given: stoppedPosting,
      at: "15:00",
      when: edit({ audience, schedule: { startAt: instant("16:00") } }),
      then: [edited("15:00", { audience, schedule: schedule("16:00", "18:00") })],
      status: "stopped",
    },
    "the type may not": {
      given: stoppedPosting,
      at: "15:00",
      when: edit({ type: "modal_image" }),
      then: "type_locked",
    },
    "new content is a new revision once it was posted": {
      given: stoppedPosting,
      at: "15:00",
      when: edit({ content: { body: "New" } }),
      then: [edited("15:00", { content: { body: "New" } }, 2)],
    },
    "and none before": {
      given: stop,
      at: "10:00",
      when: edit({ content: { body: "New" } }),
      then: [edited("10:00", { content: { body: "New" } }, 1)],
    },
    "it may become incomplete": {
      given: stop,
      at: "10:00",
      when: edit({ content: null, platforms: ["ios"] }),
      then: [edited("10:00", { content: null, platforms: ["ios"] })],
    },
    "an end that has passed ends it, dated at the edit": {
      given: stoppedPosting,
      at: "15:00",
      when: edit({ schedule: { endAt: instant("14:30") } }),
      then: [edited("15:00", { schedule: schedule("12:00", "14:30") }), ended("15:00")],
      status: "ended",
    },
    "the start passes it by": { given: stop, at: "13:00", when: advance, then: [] },
    "it ends at its end": {
      given: stoppedPosting,
      at: "20:00",
      when: advance,
      then: [ended("18:00")],
    },
    "never posted, where it was stopped before": {
      given: stop,
      at: "20:00",
      when: advance,
      then: [neverPosted("18:00")],
    },
  },

  "restart": {
    "prepares again, and posts again": {
      given: stoppedPosting,
      at: "15:00",
      when: restart,
      then: [restarted("15:00"), preparing("15:00"), frozenAll("15:00"), posted("15:00")],
      status: "posting",
    },
    "waits where the start is far": {
      given: stop,
      at: "10:00",
      when: restart,
      then: [restarted("10:00")],
      status: "waiting_to_post",
    },
    "calculates the audience again": {
      given: [...calculating, frozen("11:10"), posted("12:00"), stopped("14:00", "14:01")],
      at: "15:00",
      when: restart,
      then: [restarted("15:00"), preparing("15:00")],
      status: "preparing_to_publish",
    },
    "one that was posted is not `never_posted` later": {
      given: [
        ...calculating,
        frozen("11:10"),
        posted("12:00"),
        stopped("14:00", "14:01"),
        restarted("15:00"),
        preparing("15:00"),
      ],
      at: "19:00",
      when: advance,
      then: [ended("18:00")],
    },
    "the revision goes on": {
      given: [...stoppedPosting, restarted("15:00")],
      at: "15:00",
      when: edit({ content: { body: "New" } }),
      then: [
        edited("15:00", { content: { body: "New" } }, 2),
        preparing("15:00"),
        frozenAll("15:00"),
        posted("15:00"),
      ],
    },
    "not incomplete": {
      given: [...stop, edited("10:00", { content: null })],
      at: "10:30",
      when: restart,
      then: "campaign_incomplete",
    },
    "not without its audience": {
      given: [...waitingForAudience, stopped("09:30", "09:31")],
      at: "10:00",
      when: restart,
      around: noAudience,
      then: "campaign_incomplete",
    },
    "not for a platform that is not set up": {
      given: stop,
      at: "10:00",
      when: restart,
      around: { platformsSetUp: ["ios"] },
      then: "platform_not_set_up",
    },
    "not without a slot": {
      given: stop,
      at: "10:00",
      when: restart,
      around: { otherActiveCount: 30 },
      then: "active_limit_reached",
    },
    "at the end it has ended": {
      given: [...stop, neverPosted("18:00")],
      at: "18:00",
      when: restart,
      then: "campaign_ended",
    },
    "not a draft": { given: writing, at: "09:00", when: restart, then: "not_stopped" },
    "not an active one": { given: posting, at: "13:00", when: restart, then: "not_stopped" },
  },

  "end": {
    "while posting": {
      given: posting,
      at: "13:00",
      when: end,
      then: [ended("13:00", "end_command")],
      status: "ended",
    },
    "while reflecting": {
      given: reflecting,
      at: "13:05",
      when: end,
      then: [ended("13:05", "end_command")],
    },
    "not before": { given: publishing, at: "11:30", when: end, then: "not_posting" },
    "not a draft": { given: writing, at: "09:00", when: end, then: "not_posting" },
    "not a stopped one": { given: stoppedPosting, at: "15:00", when: end, then: "not_posting" },
    "not twice": { given: over, at: "19:00", when: end, then: "campaign_ended" },
  },

  "after the end": {
    "no edit, not even one that changes nothing": {
      given: over,
      at: "19:00",
      when: edit({}),
      then: "campaign_ended",
    },
    "nor an invalid one": {
      given: over,
      at: "19:00",
      when: edit({ name: null }),
      then: "campaign_ended",
    },
    "no restart": { given: over, at: "19:00", when: restart, then: "campaign_ended" },
    "no audience": { given: over, at: "19:00", when: freeze, then: "campaign_ended" },
    "the clock has nothing left to do": { given: over, at: "23:00", when: advance, then: [] },
  },

  "freeze the audience": {
    "before the start": {
      given: calculating,
      at: "11:10",
      when: freeze,
      then: [frozen("11:10")],
      status: "preparing_to_publish",
    },
    "it is posted at the start": {
      given: [...calculating, frozen("11:10")],
      at: "12:30",
      when: advance,
      then: [posted("12:00")],
    },
    "after the start it is posted at once": {
      given: calculating,
      at: "12:20",
      when: freeze,
      then: [frozen("12:20"), posted("12:20")],
      status: "posting",
    },
    "the first result counts": {
      given: [...calculating, frozen("11:10")],
      at: "11:20",
      when: freeze,
      then: [],
    },
    "nobody waits for it any more": {
      given: [...calculating, stopped("11:05", "11:06")],
      at: "11:10",
      when: freeze,
      then: [],
    },
    "that of an earlier preparation is dropped": {
      given: [...calculating, stopped("11:05", "11:06"), restarted("11:08"), preparing("11:08")],
      at: "11:10",
      when: { ...freeze, preparingAtMs: ms("11:00") },
      then: [],
    },
    "that of this one is not": {
      given: [...calculating, stopped("11:05", "11:06"), restarted("11:08"), preparing("11:08")],
      at: "11:10",
      when: { ...freeze, preparingAtMs: ms("11:08") },
      then: [frozen("11:10")],
    },
  },

  "the clock": {
    "leaves a draft alone": { given: writing, at: "23:00", when: advance, then: [] },
    "a moment too early": { given: waiting, at: "10:59", when: advance, then: [] },
    "prepares at start − lead": {
      given: waiting,
      at: "11:00",
      when: advance,
      then: [preparing("11:00"), frozenAll("11:00")],
    },
    "calculates an audience": {
      given: waitingForAudience,
      at: "11:00",
      when: advance,
      then: [preparing("11:00")],
    },
    "and who is left out of everybody": {
      given: waitingForAllButSome,
      at: "11:00",
      when: advance,
      then: [preparing("11:00")],
    },
    "everybody but some is not posted before": {
      given: [...waitingForAllButSome, preparing("11:00")],
      at: "12:00",
      when: advance,
      then: [],
    },
    "posts at the start": {
      given: publishing,
      at: "12:00",
      when: advance,
      then: [posted("12:00")],
    },
    "not without a snapshot": { given: calculating, at: "12:00", when: advance, then: [] },
    "a snapshot that never came: never posted": {
      given: calculating,
      at: "19:00",
      when: advance,
      then: [neverPosted("18:00")],
      status: "ended",
    },
    "ends at the end": { given: posting, at: "18:00", when: advance, then: [ended("18:00")] },
    "after a long sleep: all boundaries in order, each at its own date": {
      given: waiting,
      at: "23:00",
      when: advance,
      then: [preparing("11:00"), frozenAll("11:00"), posted("12:00"), ended("18:00")],
    },
    "a lead longer than the time to the start begins at the activation": {
      given: [...writing, activated("11:40")],
      at: "12:10",
      when: advance,
      then: [preparing("11:40"), frozenAll("11:40"), posted("12:00")],
    },
    "a very long lead, activated at once": {
      given: writing,
      at: "09:00",
      when: activate,
      around: { prepareLeadMs: 86_400_000 },
      then: [activated("09:00"), preparing("09:00"), frozenAll("09:00")],
    },
    "without a lead it prepares and posts at the start": {
      given: waiting,
      at: "12:00",
      when: advance,
      around: { prepareLeadMs: 0 },
      then: [preparing("12:00"), frozenAll("12:00"), posted("12:00")],
    },
    "reflected, then ended": {
      given: reflecting,
      at: "23:00",
      when: advance,
      then: [reflected("13:10"), ended("18:00")],
    },
    "ended before it was reflected": {
      given: [...posting, edited("17:55", { description: "Soon" })],
      at: "23:00",
      when: advance,
      then: [ended("18:00")],
    },
    "at equal instants the end wins: reflection": {
      given: [...posting, edited("17:50", { description: "Soon" })],
      at: "18:00",
      when: advance,
      then: [ended("18:00")],
    },
    "at equal instants the end wins: a late snapshot": {
      given: [...calculating, frozen("18:00")],
      at: "18:00",
      when: advance,
      then: [neverPosted("18:00")],
    },
    "a snapshot after the end comes too late": {
      given: [...calculating, frozen("18:30")],
      at: "19:00",
      when: advance,
      then: [neverPosted("18:00")],
    },
  },
};

for (const [group, members] of Object.entries(specs)) {
  for (const [name, spec] of Object.entries(members)) {
    Deno.test(`campaign, ${group}: ${name}`, () => {
      const before = stateAfter(spec.given);
      const decision = campaignDecider.decide(spec.when, before, contextAt(spec.at, spec.around));
      if ("refused" in decision) {
        assert(decision.detail.length > 20, "a refusal tells what to do");
        assertEquals(decision.refused, spec.then);
        return;
      }
      if ("invalid" in decision) {
        const invalid = decision.invalid.map(({ pointer, code }) => `${pointer} ${code}`);
        assertEquals({ invalid } as Spec["then"], spec.then);
        return;
      }
      assert(Array.isArray(spec.then), `expected ${JSON.stringify(spec.then)}, got events`);
      assertEquals([...decision], spec.then.map(({ event }) => event));
      const after = decision.reduce((state, event) => evolve(state, event, spec.at), before);
      if (spec.status !== undefined) assertEquals(after.status, spec.status);
    });
  }
}

Deno.test("campaign: when the next boundary is due, and what people should expect", () => {
  const cases: [Dated[], due: string | null, next: string | null][] = [
    [writing, null, null],
    [waiting, "11:00", "preparing_to_publish 11:00"],
    [[...writing, activated("11:30")], "11:30", "preparing_to_publish 11:30"],
    [publishing, "12:00", "posting 12:00"],
    [calculating, "18:00", "posting 12:00"],
    [[...calculating, frozen("12:30")], "12:30", "posting 12:30"],
    [posting, "18:00", "ended 18:00"],
    [reflecting, "13:10", "posting 13:10"],
    [[...posting, edited("17:50", { description: "Soon" })], "18:00", "ended 18:00"],
    [stop, "18:00", "ended 18:00"],
    [[...stop, edited("10:00", { schedule: null })], null, null],
    [over, null, null],
  ];
  for (const [given, due, next] of cases) {
    const state = stateAfter(given);
    assertEquals(dueAtMs(state, durations), due === null ? null : ms(due));
    const boundary = nextBoundary(state, { ...durations, nowMs: ms("11:59") });
    const told = boundary && `${boundary.status} ${new Date(boundary.atMs).toISOString()}`;
    assertEquals(told, next && next.replace(/\d\d:\d\d/, instant));
  }
});

Deno.test("campaign: once the start has passed without a snapshot, only the end is certain", () => {
  const next = nextBoundary(stateAfter(calculating), { ...durations, nowMs: ms("12:00") });
  assertEquals(next, { status: "ended", atMs: ms("18:00") });
});

Deno.test("campaign: what is allowed is what the rules do not refuse by the status", () => {
  const given: Record<CampaignStatus, Dated[]> = {
    writing,
    waiting_to_post: waiting,
    preparing_to_publish: publishing,
    posting,
    posting_reflecting_modifications: reflecting,
    stopped: stoppedPosting,
    ended: over,
  };
  const commands: [CampaignAction, CampaignCommand][] = [
    ["edit", edit({ description: "Later" })],
    ["delete", remove],
    ["activate", activate],
    ["stop", halt],
    ["restart", restart],
    ["end", end],
  ];
  for (const [status, events] of Object.entries(given)) {
    const state = stateAfter(events);
    assertEquals(state.status as string, status);
    const { time } = events.at(-1)!;
    const accepted = commands
      .filter(([, command]) =>
        !("refused" in campaignDecider.decide(command, state, contextAt(time)))
      )
      .map(([action]) => action);
    assertEquals(allowedActions(status as CampaignStatus), [...accepted, "copy"]);
  }
});

Deno.test("campaign: a refusal names what is missing", () => {
  const given = [created("08:00", { name: "Spring", type: "modal_image" })];
  const decision = campaignDecider.decide(activate, stateAfter(given), contextAt("09:00"));
  assert("refused" in decision);
  const missing = ["/platforms", "/content/images/portrait", "/content/imageAction"];
  for (const pointer of [...missing, "/schedule/startAt", "/schedule/endAt"]) {
    assert(decision.detail.includes(pointer), `${pointer} in ${decision.detail}`);
  }
});

Deno.test("campaign: the state keeps what interactions and caps go by", () => {
  const state = stateAfter([
    ...calculating,
    frozen("11:10"),
    posted("12:00"),
    edited("13:00", { content: { body: "New" } }, 2),
    stopped("14:00", "14:01"),
    restarted("15:00"),
    preparing("15:00"),
    frozen("15:05", "snap_2"),
    posted("15:05"),
  ]);
  assertEquals(state, {
    status: "posting",
    settings: { ...forAudience, content: { body: "New" } },
    contentRevision: 2,
    copiedFrom: null,
    createdAtMs: ms("08:00"),
    updatedAtMs: ms("15:05"),
    clockFloorMs: ms("15:00"),
    editedAtMs: ms("13:00"),
    firstPostedAtMs: ms("12:00"),
    endedAtMs: null,
    preparingAtMs: ms("15:00"),
    snapshot: { snapshotId: "snap_2", size: 3, digest: "d1", atMs: ms("15:05") },
  });
});

Deno.test("campaign: a copy may name an audience that is gone", () => {
  const command: CampaignCommand = {
    type: "create",
    settings: forAudience,
    copiedFrom: "cmp_1",
  };
  const context = contextAt("08:00", noAudience);
  const decision = campaignDecider.decide(command, campaignDecider.initial, context);
  assertEquals(decision, [{
    type: "campaign_created",
    schema: 1,
    data: { settings: forAudience, copiedFrom: "cmp_1" },
  }]);
});

Deno.test("campaign: asking one that does not exist is a bug", () => {
  const { initial, decide } = campaignDecider;
  const context = contextAt("09:00");
  assertThrows(() => decide(activate, initial, context), Error, "activate");
  assertThrows(() => decide(create(), stateAfter(writing), context), Error, "create");
  const gone = stateAfter([...writing, deleted("08:30")]);
  assertThrows(() => decide(edit({}), gone, context), Error, "deleted");
});

const durations = { prepareLeadMs: 60 * 60_000, reflectWindowMs: 10 * 60_000 };

function contextAt(time: string, around: Partial<CampaignContext> = {}): CampaignContext {
  return {
    nowMs: ms(time),
    ...durations,
    statusCheckMs: 60_000,
    activeLimit: 30,
    otherActiveCount: 0,
    platformsSetUp: ["web"],
    audienceExists: () => true,
    ...around,
  };
}

function stateAfter(given: readonly Dated[]): CampaignState {
  return given.reduce(
    (state, { event, time }) => evolve(state, event, time),
    campaignDecider.initial,
  );
}

function evolve(state: CampaignState, event: CampaignEvent, time: string): CampaignState {
  return campaignDecider.evolve(state, event, ms(time));
}

function create(given: CampaignSettings = settings): CampaignCommand {
  return { type: "create", settings: given, copiedFrom: null };
}

function banner() {
  return { position: "top", bannerAction: { type: "close" } };
}

function schedule(start: string, end: string) {
  return { startAt: instant(start), endAt: instant(end) };
}

function instant(time: string): string {
  return `2026-04-01T${time}:00.000Z`;
}

function ms(time: string): number {
  return Date.parse(instant(time));
}
