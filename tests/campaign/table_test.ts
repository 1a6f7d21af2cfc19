/**
 * Every status × every command × every boundary of the clock, against a table written by hand from
 * the rules of docs/guide.md. A cell that is missing fails.
 *
 * Capitals are the status after the command: WRIting, WAIting to post, PREparing to publish, POSting,
 * posting REFlecting modifications, STOpped, END, DELeted; a digit is the content revision where it
 * is not 1; `=` says that the command itself appended nothing. Small letters are a refusal (`codes`
 * below), `iv` an invalid command. A dot: the clock has passed this instant when the row begins.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type CampaignEvent,
  type CampaignStatus,
  campaignStatuses,
} from "../../events/campaign_events.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignContext } from "../../src/campaign/commands.ts";
import {
  allowedActions,
  campaignDecider,
  type CampaignState,
  dueEvents,
} from "../../src/campaign/mod.ts";
import {
  commandOf,
  live,
  type ModelCommand,
  type ModelSettings,
  type ModelStep,
  settingsOf,
} from "./model.ts";

const minuteMs = 60_000;
const startMs = Date.parse("2026-04-01T00:00:00.000Z");
const prepareMs = startMs - 60 * minuteMs;
const endMs = startMs + 60 * minuteMs;
/** The last edit while published, in the rows that have one; the reflect window is 10 minutes. */
const editMs = startMs + 20 * minuteMs;
const reflectedMs = editMs + 10 * minuteMs;

const columns: Record<string, number> = {
  "P-": prepareMs - 1,
  "P": prepareMs,
  "P+": prepareMs + 1,
  "S-": startMs - 1,
  "S": startMs,
  "S+": startMs + 1,
  "R-": reflectedMs - 1,
  "R": reflectedMs,
  "R+": reflectedMs + 1,
  "E-": endMs - 1,
  "E": endMs,
  "E+": endMs + 1,
};

const statuses: Record<string, string> = {
  WRI: "writing",
  WAI: "waiting_to_post",
  PRE: "preparing_to_publish",
  POS: "posting",
  REF: "posting_reflecting_modifications",
  STO: "stopped",
  END: "ended",
  DEL: "deleted",
};

const codes: Record<string, string> = {
  aa: "already_active",
  al: "audience_locked",
  as: "already_stopped",
  ce: "campaign_ended",
  ci: "campaign_incomplete",
  ep: "end_in_past",
  iv: "invalid",
  lr: "active_limit_reached",
  na: "not_active",
  np: "not_posting",
  ns: "not_stopped",
  nw: "not_writing",
  pn: "platform_not_set_up",
  sl: "start_locked",
  tl: "type_locked",
};

interface Surroundings {
  otherActiveCount?: number;
  platformsSetUp?: Platform[];
  audienceGone?: boolean;
}

/** What a row's name stands for: its commands, all at the column's instant; the last one counts. */
interface Row extends Surroundings {
  commands(nowMs: number): ModelCommand[];
}

const edit = (set: Partial<ModelSettings>): ModelCommand => ({ kind: "edit", set });
const only = (kind: Exclude<ModelCommand["kind"], "edit">): Row => ({
  commands: () => [{ kind }],
});
const afterEdit = (
  kind: "activate" | "restart",
  set: (nowMs: number) => Partial<ModelSettings>,
): Row => ({ commands: (nowMs) => [edit(set(nowMs)), { kind }] });

const incomplete = () => ({ body: null });
const pastEnd = (nowMs: number) => ({ startMs: nowMs - 120 * minuteMs, endMs: nowMs });

const rows: Record<string, Row> = {
  "advance": only("advance"),
  "edit name": { commands: () => [edit({ name: "Autumn" })] },
  "edit content": { commands: () => [edit({ body: "Other words" })] },
  "edit audience": { commands: () => [edit({ audience: "aud_2" })] },
  "edit start": { commands: () => [edit({ startMs: startMs + 5 * minuteMs })] },
  "edit start to now": { commands: (nowMs) => [edit({ startMs: nowMs })] },
  "edit type": { commands: () => [edit({ type: "modal_image_text" })] },
  "edit platforms": { commands: () => [edit({ platforms: ["web", "ios"] })] },
  "edit end to now": { commands: (nowMs) => [edit({ endMs: nowMs })] },
  "edit end to later": { commands: () => [edit({ endMs: endMs + 60 * minuteMs })] },
  "edit body away": { commands: () => [edit({ body: null })] },
  "edit name away": { commands: () => [edit({ name: null })] },
  "edit nothing": { commands: () => [edit({ name: "Spring" })] },
  "delete": only("delete"),
  "activate": only("activate"),
  "activate incomplete": afterEdit("activate", incomplete),
  "activate past end": afterEdit("activate", pastEnd),
  "activate no slot": { ...only("activate"), otherActiveCount: 30 },
  "activate no platform": { ...only("activate"), platformsSetUp: ["ios"] },
  "activate no audience": { ...only("activate"), audienceGone: true },
  "stop": only("stop"),
  "restart": only("restart"),
  "restart incomplete": afterEdit("restart", incomplete),
  "restart past end": afterEdit("restart", pastEnd),
  "restart no slot": { ...only("restart"), otherActiveCount: 30 },
  "restart no platform": { ...only("restart"), platformsSetUp: ["ios"] },
  "restart no audience": { ...only("restart"), audienceGone: true },
  "end": only("end"),
  "freeze_audience": only("freeze_audience"),
};

interface Scenario {
  audience: string;
  /** How the status is reached: instants and commands. */
  given: [atMs: number, command: ModelCommand][];
  cells: string;
}

const activate: ModelCommand = { kind: "activate" };
const advance: ModelCommand = { kind: "advance" };
const stop: ModelCommand = { kind: "stop" };
const freeze: ModelCommand = { kind: "freeze_audience" };
const hourBeforeP = prepareMs - 60 * minuteMs;

const table: Record<string, Scenario> = {
  "writing, for all": {
    audience: "all",
    given: [],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
  edit name             WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit content          WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit audience         WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit start            WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit start to now     WRI  WRI  WRI  WRI  WRI= WRI  WRI  WRI  WRI  WRI  iv   iv
  edit type             WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit platforms        WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit end to now       iv   iv   iv   iv   iv   WRI  WRI  WRI  WRI  WRI  WRI= WRI
  edit end to later     WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit body away        WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit name away        iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   iv
  edit nothing          WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
  delete                DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL
  activate              WAI  PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ep   ep
  activate incomplete   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci
  activate past end     ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ep
  activate no slot      lr   lr   lr   lr   lr   lr   lr   lr   lr   lr   ep   ep
  activate no platform  pn   pn   pn   pn   pn   pn   pn   pn   pn   pn   ep   ep
  activate no audience  WAI  PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ep   ep
  stop                  na   na   na   na   na   na   na   na   na   na   na   na
  restart               ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart incomplete    ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart past end      ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no slot       ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no platform   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no audience   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  end                   np   np   np   np   np   np   np   np   np   np   np   np
  freeze_audience       WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
`,
  },

  "writing, for an audience": {
    audience: "aud_1",
    given: [],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
  edit name             WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit content          WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit audience         WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit start            WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit start to now     WRI  WRI  WRI  WRI  WRI= WRI  WRI  WRI  WRI  WRI  iv   iv
  edit type             WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit platforms        WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit end to now       iv   iv   iv   iv   iv   WRI  WRI  WRI  WRI  WRI  WRI= WRI
  edit end to later     WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit body away        WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI  WRI
  edit name away        iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   iv
  edit nothing          WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
  delete                DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL  DEL
  activate              WAI  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ep   ep
  activate incomplete   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci
  activate past end     ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ep
  activate no slot      lr   lr   lr   lr   lr   lr   lr   lr   lr   lr   ep   ep
  activate no platform  pn   pn   pn   pn   pn   pn   pn   pn   pn   pn   ep   ep
  activate no audience  ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ci
  stop                  na   na   na   na   na   na   na   na   na   na   na   na
  restart               ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart incomplete    ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart past end      ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no slot       ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no platform   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  restart no audience   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns
  end                   np   np   np   np   np   np   np   np   np   np   np   np
  freeze_audience       WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI= WRI=
`,
  },

  "waiting to post, for all": {
    audience: "all",
    given: [[hourBeforeP, activate]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               WAI= PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= END= END=
  edit name             WAI  PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit content          WAI  PRE  PRE  PRE  REF2 REF2 REF2 REF2 REF2 REF2 ce   ce
  edit audience         WAI  al   al   al   al   al   al   al   al   al   ce   ce
  edit start            WAI  sl   sl   sl   sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     POS  sl   sl   sl   POS= sl   sl   sl   sl   sl   ce   ce
  edit type             WAI  tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        pn   pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     WAI  PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit body away        ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          WAI= PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
  delete                nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  stop                  STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  restart               ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  end                   np   np   np   np   END  END  END  END  END  END  ce   ce
  freeze_audience       WAI= PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
`,
  },

  "waiting to post, for an audience": {
    audience: "aud_1",
    given: [[hourBeforeP, activate]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               WAI= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= END= END=
  edit name             WAI  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit content          WAI  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit audience         WAI  al   al   al   al   al   al   al   al   al   ce   ce
  edit start            WAI  sl   sl   sl   sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     PRE  sl   sl   sl   PRE= sl   sl   sl   sl   sl   ce   ce
  edit type             WAI  tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        pn   pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       ep   ep   ep   ep   ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     WAI  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit body away        ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          WAI= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= ce   ce
  delete                nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  aa   aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  stop                  STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  restart               ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   ns   ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  end                   np   np   np   np   np   np   np   np   np   np   ce   ce
  freeze_audience       WAI= PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ce   ce
`,
  },

  "preparing to publish, for all": {
    audience: "all",
    given: [[prepareMs, activate]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= END= END=
  edit name             .    PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit content          .    PRE  PRE  PRE  REF2 REF2 REF2 REF2 REF2 REF2 ce   ce
  edit audience         .    al   al   al   al   al   al   al   al   al   ce   ce
  edit start            .    sl   sl   sl   sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     .    sl   sl   sl   POS= sl   sl   sl   sl   sl   ce   ce
  edit type             .    tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       .    ep   ep   ep   ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     .    PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit body away        .    ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        .    iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
  delete                .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  stop                  .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  restart               .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  end                   .    np   np   np   END  END  END  END  END  END  ce   ce
  freeze_audience       .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
`,
  },

  "preparing to publish, the audience not yet calculated": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [prepareMs, advance]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= END= END=
  edit name             .    PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit content          .    PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit audience         .    al   al   al   al   al   al   al   al   al   ce   ce
  edit start            .    sl   sl   sl   sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     .    sl   sl   sl   PRE= sl   sl   sl   sl   sl   ce   ce
  edit type             .    tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       .    ep   ep   ep   ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     .    PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  edit body away        .    ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        .    iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= PRE= ce   ce
  delete                .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  stop                  .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  restart               .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  end                   .    np   np   np   np   np   np   np   np   np   ce   ce
  freeze_audience       .    PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ce   ce
`,
  },

  "preparing to publish, the audience calculated": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [prepareMs, freeze]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= END= END=
  edit name             .    PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit content          .    PRE  PRE  PRE  REF2 REF2 REF2 REF2 REF2 REF2 ce   ce
  edit audience         .    al   al   al   al   al   al   al   al   al   ce   ce
  edit start            .    sl   sl   sl   sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     .    sl   sl   sl   POS= sl   sl   sl   sl   sl   ce   ce
  edit type             .    tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       .    ep   ep   ep   ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     .    PRE  PRE  PRE  REF  REF  REF  REF  REF  REF  ce   ce
  edit body away        .    ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        .    iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
  delete                .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  .    aa   aa   aa   aa   aa   aa   aa   aa   aa   ce   ce
  stop                  .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  restart               .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   .    ns   ns   ns   ns   ns   ns   ns   ns   ns   ce   ce
  end                   .    np   np   np   END  END  END  END  END  END  ce   ce
  freeze_audience       .    PRE= PRE= PRE= POS= POS= POS= POS= POS= POS= ce   ce
`,
  },

  "posting, for all (frozen without being counted)": {
    audience: "all",
    given: [[hourBeforeP, activate], [startMs, advance]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    POS= POS= POS= POS= POS= POS= END= END=
  edit name             .    .    .    .    REF  REF  REF  REF  REF  REF  ce   ce
  edit content          .    .    .    .    REF2 REF2 REF2 REF2 REF2 REF2 ce   ce
  edit audience         .    .    .    .    al   al   al   al   al   al   ce   ce
  edit start            .    .    .    .    sl   sl   sl   sl   sl   sl   ce   ce
  edit start to now     .    .    .    .    POS= sl   sl   sl   sl   sl   ce   ce
  edit type             .    .    .    .    tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    .    .    .    pn   pn   pn   pn   pn   pn   ce   ce
  edit end to now       .    .    .    .    ep   ep   ep   ep   ep   ep   ce   ce
  edit end to later     .    .    .    .    REF  REF  REF  REF  REF  REF  ce   ce
  edit body away        .    .    .    .    ci   ci   ci   ci   ci   ci   ce   ce
  edit name away        .    .    .    .    iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    .    .    .    POS= POS= POS= POS= POS= POS= ce   ce
  delete                .    .    .    .    nw   nw   nw   nw   nw   nw   ce   ce
  activate              .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  activate incomplete   .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  activate past end     .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  activate no slot      .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  activate no platform  .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  activate no audience  .    .    .    .    aa   aa   aa   aa   aa   aa   ce   ce
  stop                  .    .    .    .    STO  STO  STO  STO  STO  STO  ce   ce
  restart               .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  restart incomplete    .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  restart past end      .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  restart no slot       .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  restart no platform   .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  restart no audience   .    .    .    .    ns   ns   ns   ns   ns   ns   ce   ce
  end                   .    .    .    .    END  END  END  END  END  END  ce   ce
  freeze_audience       .    .    .    .    POS= POS= POS= POS= POS= POS= ce   ce
`,
  },

  "posting, the audience calculated only after the start": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [startMs + 1, freeze]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    .    POS= POS= POS= POS= POS= END= END=
  edit name             .    .    .    .    .    REF  REF  REF  REF  REF  ce   ce
  edit content          .    .    .    .    .    REF2 REF2 REF2 REF2 REF2 ce   ce
  edit audience         .    .    .    .    .    al   al   al   al   al   ce   ce
  edit start            .    .    .    .    .    sl   sl   sl   sl   sl   ce   ce
  edit start to now     .    .    .    .    .    sl   sl   sl   sl   sl   ce   ce
  edit type             .    .    .    .    .    tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    .    .    .    .    pn   pn   pn   pn   pn   ce   ce
  edit end to now       .    .    .    .    .    ep   ep   ep   ep   ep   ce   ce
  edit end to later     .    .    .    .    .    REF  REF  REF  REF  REF  ce   ce
  edit body away        .    .    .    .    .    ci   ci   ci   ci   ci   ce   ce
  edit name away        .    .    .    .    .    iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    .    .    .    .    POS= POS= POS= POS= POS= ce   ce
  delete                .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate              .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  activate incomplete   .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  activate past end     .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  activate no slot      .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  activate no platform  .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  activate no audience  .    .    .    .    .    aa   aa   aa   aa   aa   ce   ce
  stop                  .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  restart               .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  restart incomplete    .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  restart past end      .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  restart no slot       .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  restart no platform   .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  restart no audience   .    .    .    .    .    ns   ns   ns   ns   ns   ce   ce
  end                   .    .    .    .    .    END  END  END  END  END  ce   ce
  freeze_audience       .    .    .    .    .    POS= POS= POS= POS= POS= ce   ce
`,
  },

  "posting, reflecting modifications": {
    audience: "all",
    given: [
      [hourBeforeP, activate],
      [editMs - 5 * minuteMs, edit({ description: "A second edit begins the window anew" })],
      [editMs, edit({ priority: 70 })],
    ],
    cells: `
                        P-   P    P+   S-   S    S+   R-    R     R+    E-    E     E+
  advance               .    .    .    .    .    .    REF2= POS2= POS2= POS2= END2= END2=
  edit name             .    .    .    .    .    .    REF2  REF2  REF2  REF2  ce    ce
  edit content          .    .    .    .    .    .    REF3  REF3  REF3  REF3  ce    ce
  edit audience         .    .    .    .    .    .    al    al    al    al    ce    ce
  edit start            .    .    .    .    .    .    sl    sl    sl    sl    ce    ce
  edit start to now     .    .    .    .    .    .    sl    sl    sl    sl    ce    ce
  edit type             .    .    .    .    .    .    tl    tl    tl    tl    ce    ce
  edit platforms        .    .    .    .    .    .    pn    pn    pn    pn    ce    ce
  edit end to now       .    .    .    .    .    .    ep    ep    ep    ep    ce    ce
  edit end to later     .    .    .    .    .    .    REF2  REF2  REF2  REF2  ce    ce
  edit body away        .    .    .    .    .    .    ci    ci    ci    ci    ce    ce
  edit name away        .    .    .    .    .    .    iv    iv    iv    iv    ce    ce
  edit nothing          .    .    .    .    .    .    REF2= POS2= POS2= POS2= ce    ce
  delete                .    .    .    .    .    .    nw    nw    nw    nw    ce    ce
  activate              .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  activate incomplete   .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  activate past end     .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  activate no slot      .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  activate no platform  .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  activate no audience  .    .    .    .    .    .    aa    aa    aa    aa    ce    ce
  stop                  .    .    .    .    .    .    STO2  STO2  STO2  STO2  ce    ce
  restart               .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  restart incomplete    .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  restart past end      .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  restart no slot       .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  restart no platform   .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  restart no audience   .    .    .    .    .    .    ns    ns    ns    ns    ce    ce
  end                   .    .    .    .    .    .    END2  END2  END2  END2  ce    ce
  freeze_audience       .    .    .    .    .    .    REF2= POS2= POS2= POS2= ce    ce
`,
  },

  "posting, reflecting modifications until the very end": {
    audience: "all",
    given: [
      [hourBeforeP, activate],
      [endMs - 10 * minuteMs, edit({ description: "Nothing that a client receives" })],
    ],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    .    .    .    .    .    REF= END= END=
  edit name             .    .    .    .    .    .    .    .    .    REF  ce   ce
  edit content          .    .    .    .    .    .    .    .    .    REF2 ce   ce
  edit audience         .    .    .    .    .    .    .    .    .    al   ce   ce
  edit start            .    .    .    .    .    .    .    .    .    sl   ce   ce
  edit start to now     .    .    .    .    .    .    .    .    .    sl   ce   ce
  edit type             .    .    .    .    .    .    .    .    .    tl   ce   ce
  edit platforms        .    .    .    .    .    .    .    .    .    pn   ce   ce
  edit end to now       .    .    .    .    .    .    .    .    .    ep   ce   ce
  edit end to later     .    .    .    .    .    .    .    .    .    REF  ce   ce
  edit body away        .    .    .    .    .    .    .    .    .    ci   ce   ce
  edit name away        .    .    .    .    .    .    .    .    .    iv   ce   ce
  edit nothing          .    .    .    .    .    .    .    .    .    REF= ce   ce
  delete                .    .    .    .    .    .    .    .    .    nw   ce   ce
  activate              .    .    .    .    .    .    .    .    .    aa   ce   ce
  activate incomplete   .    .    .    .    .    .    .    .    .    aa   ce   ce
  activate past end     .    .    .    .    .    .    .    .    .    aa   ce   ce
  activate no slot      .    .    .    .    .    .    .    .    .    aa   ce   ce
  activate no platform  .    .    .    .    .    .    .    .    .    aa   ce   ce
  activate no audience  .    .    .    .    .    .    .    .    .    aa   ce   ce
  stop                  .    .    .    .    .    .    .    .    .    STO  ce   ce
  restart               .    .    .    .    .    .    .    .    .    ns   ce   ce
  restart incomplete    .    .    .    .    .    .    .    .    .    ns   ce   ce
  restart past end      .    .    .    .    .    .    .    .    .    ns   ce   ce
  restart no slot       .    .    .    .    .    .    .    .    .    ns   ce   ce
  restart no platform   .    .    .    .    .    .    .    .    .    ns   ce   ce
  restart no audience   .    .    .    .    .    .    .    .    .    ns   ce   ce
  end                   .    .    .    .    .    .    .    .    .    END  ce   ce
  freeze_audience       .    .    .    .    .    .    .    .    .    REF= ce   ce
`,
  },

  "stopped while waiting to post": {
    audience: "all",
    given: [[hourBeforeP, activate], [hourBeforeP, stop]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               STO= STO= STO= STO= STO= STO= STO= STO= STO= STO= END= END=
  edit name             STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit content          STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit audience         STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit start            STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit start to now     STO  STO  STO  STO  STO= STO  STO  STO  STO  STO  ce   ce
  edit type             tl   tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit end to now       iv   iv   iv   iv   iv   END  END  END  END  END  ce   ce
  edit end to later     STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit body away        STO  STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit name away        iv   iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          STO= STO= STO= STO= STO= STO= STO= STO= STO= STO= ce   ce
  delete                nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate incomplete   nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate past end     ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce
  activate no slot      nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate no platform  nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate no audience  nw   nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  stop                  as   as   as   as   as   as   as   as   as   as   ce   ce
  restart               WAI  PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ce   ce
  restart incomplete    ci   ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  restart past end      ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce
  restart no slot       lr   lr   lr   lr   lr   lr   lr   lr   lr   lr   ce   ce
  restart no platform   pn   pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  restart no audience   WAI  PRE  PRE  PRE  POS  POS  POS  POS  POS  POS  ce   ce
  end                   np   np   np   np   np   np   np   np   np   np   ce   ce
  freeze_audience       STO= STO= STO= STO= STO= STO= STO= STO= STO= STO= ce   ce
`,
  },

  "stopped while preparing, the audience calculated": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [prepareMs, freeze], [prepareMs, stop]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    STO= STO= STO= STO= STO= STO= STO= STO= STO= END= END=
  edit name             .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit content          .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit audience         .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit start            .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit start to now     .    STO  STO  STO  STO= STO  STO  STO  STO  STO  ce   ce
  edit type             .    tl   tl   tl   tl   tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit end to now       .    iv   iv   iv   iv   END  END  END  END  END  ce   ce
  edit end to later     .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit body away        .    STO  STO  STO  STO  STO  STO  STO  STO  STO  ce   ce
  edit name away        .    iv   iv   iv   iv   iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    STO= STO= STO= STO= STO= STO= STO= STO= STO= ce   ce
  delete                .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate              .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate incomplete   .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate past end     .    ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce
  activate no slot      .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate no platform  .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  activate no audience  .    nw   nw   nw   nw   nw   nw   nw   nw   nw   ce   ce
  stop                  .    as   as   as   as   as   as   as   as   as   ce   ce
  restart               .    PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  PRE  ce   ce
  restart incomplete    .    ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  restart past end      .    ce   ce   ce   ce   ce   ce   ce   ce   ce   ce   ce
  restart no slot       .    lr   lr   lr   lr   lr   lr   lr   lr   lr   ce   ce
  restart no platform   .    pn   pn   pn   pn   pn   pn   pn   pn   pn   ce   ce
  restart no audience   .    ci   ci   ci   ci   ci   ci   ci   ci   ci   ce   ce
  end                   .    np   np   np   np   np   np   np   np   np   ce   ce
  freeze_audience       .    STO= STO= STO= STO= STO= STO= STO= STO= STO= ce   ce
`,
  },

  "stopped while posting": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [prepareMs, freeze], [startMs + 1, stop]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    .    STO= STO= STO= STO= STO= END= END=
  edit name             .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit content          .    .    .    .    .    STO2 STO2 STO2 STO2 STO2 ce   ce
  edit audience         .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit start            .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit start to now     .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit type             .    .    .    .    .    tl   tl   tl   tl   tl   ce   ce
  edit platforms        .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit end to now       .    .    .    .    .    END  END  END  END  END  ce   ce
  edit end to later     .    .    .    .    .    STO  STO  STO  STO  STO  ce   ce
  edit body away        .    .    .    .    .    STO2 STO2 STO2 STO2 STO2 ce   ce
  edit name away        .    .    .    .    .    iv   iv   iv   iv   iv   ce   ce
  edit nothing          .    .    .    .    .    STO= STO= STO= STO= STO= ce   ce
  delete                .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate              .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate incomplete   .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate past end     .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate no slot      .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate no platform  .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  activate no audience  .    .    .    .    .    nw   nw   nw   nw   nw   ce   ce
  stop                  .    .    .    .    .    as   as   as   as   as   ce   ce
  restart               .    .    .    .    .    PRE  PRE  PRE  PRE  PRE  ce   ce
  restart incomplete    .    .    .    .    .    ci   ci   ci   ci   ci   ce   ce
  restart past end      .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart no slot       .    .    .    .    .    lr   lr   lr   lr   lr   ce   ce
  restart no platform   .    .    .    .    .    pn   pn   pn   pn   pn   ce   ce
  restart no audience   .    .    .    .    .    ci   ci   ci   ci   ci   ce   ce
  end                   .    .    .    .    .    np   np   np   np   np   ce   ce
  freeze_audience       .    .    .    .    .    STO= STO= STO= STO= STO= ce   ce
`,
  },

  "ended by a command": {
    audience: "all",
    given: [[hourBeforeP, activate], [startMs + 1, { kind: "end" }]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    .    END= END= END= END= END= END= END=
  edit name             .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit content          .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit audience         .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit start            .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit start to now     .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit type             .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit platforms        .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit end to now       .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit end to later     .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit body away        .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit name away        .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  edit nothing          .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  delete                .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate              .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate incomplete   .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate past end     .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate no slot      .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate no platform  .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  activate no audience  .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  stop                  .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart               .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart incomplete    .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart past end      .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart no slot       .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart no platform   .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  restart no audience   .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  end                   .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
  freeze_audience       .    .    .    .    .    ce   ce   ce   ce   ce   ce   ce
`,
  },

  "ended by the clock, never posted": {
    audience: "aud_1",
    given: [[hourBeforeP, activate], [endMs, advance]],
    cells: `
                        P-   P    P+   S-   S    S+   R-   R    R+   E-   E    E+
  advance               .    .    .    .    .    .    .    .    .    .    END= END=
  edit name             .    .    .    .    .    .    .    .    .    .    ce   ce
  edit content          .    .    .    .    .    .    .    .    .    .    ce   ce
  edit audience         .    .    .    .    .    .    .    .    .    .    ce   ce
  edit start            .    .    .    .    .    .    .    .    .    .    ce   ce
  edit start to now     .    .    .    .    .    .    .    .    .    .    ce   ce
  edit type             .    .    .    .    .    .    .    .    .    .    ce   ce
  edit platforms        .    .    .    .    .    .    .    .    .    .    ce   ce
  edit end to now       .    .    .    .    .    .    .    .    .    .    ce   ce
  edit end to later     .    .    .    .    .    .    .    .    .    .    ce   ce
  edit body away        .    .    .    .    .    .    .    .    .    .    ce   ce
  edit name away        .    .    .    .    .    .    .    .    .    .    ce   ce
  edit nothing          .    .    .    .    .    .    .    .    .    .    ce   ce
  delete                .    .    .    .    .    .    .    .    .    .    ce   ce
  activate              .    .    .    .    .    .    .    .    .    .    ce   ce
  activate incomplete   .    .    .    .    .    .    .    .    .    .    ce   ce
  activate past end     .    .    .    .    .    .    .    .    .    .    ce   ce
  activate no slot      .    .    .    .    .    .    .    .    .    .    ce   ce
  activate no platform  .    .    .    .    .    .    .    .    .    .    ce   ce
  activate no audience  .    .    .    .    .    .    .    .    .    .    ce   ce
  stop                  .    .    .    .    .    .    .    .    .    .    ce   ce
  restart               .    .    .    .    .    .    .    .    .    .    ce   ce
  restart incomplete    .    .    .    .    .    .    .    .    .    .    ce   ce
  restart past end      .    .    .    .    .    .    .    .    .    .    ce   ce
  restart no slot       .    .    .    .    .    .    .    .    .    .    ce   ce
  restart no platform   .    .    .    .    .    .    .    .    .    .    ce   ce
  restart no audience   .    .    .    .    .    .    .    .    .    .    ce   ce
  end                   .    .    .    .    .    .    .    .    .    .    ce   ce
  freeze_audience       .    .    .    .    .    .    .    .    .    .    ce   ce
`,
  },
};

for (const [name, scenario] of Object.entries(table)) {
  Deno.test(`campaign table: ${name}`, () => {
    assertEquals(differences(scenario, run, (expected) => expected), []);
  });
  Deno.test(`campaign table, the model: ${name}`, () => {
    assertEquals(differences(scenario, runModel, (text) => text.replace(nothingNew, "")), []);
  });
}

Deno.test("campaign table: each of the seven statuses is reached before some command", () => {
  const reached = new Set<string>();
  for (const { cells } of Object.values(table)) {
    for (const cell of Object.values(parse(cells)["advance"]!)) reached.add(cell.slice(0, 3));
  }
  reached.delete(".");
  assertEquals([...reached].sort(), ["END", "POS", "PRE", "REF", "STO", "WAI", "WRI"]);
});

Deno.test("campaign table: what is offered in each status", () => {
  const offered: Record<CampaignStatus, string[]> = {
    writing: ["activate", "copy", "delete", "edit"],
    waiting_to_post: ["copy", "edit", "stop"],
    preparing_to_publish: ["copy", "edit", "stop"],
    posting: ["copy", "edit", "end", "stop"],
    posting_reflecting_modifications: ["copy", "edit", "end", "stop"],
    stopped: ["copy", "edit", "restart"],
    ended: ["copy"],
  };
  for (const status of campaignStatuses) {
    assertEquals(allowedActions(status).toSorted(), offered[status], status);
  }
});

const nothingNew = ", nothing new";

/** Every cell that `actually` contradicts, after a check that no cell is missing. */
function differences(
  scenario: Scenario,
  actually: (scenario: Scenario, row: Row, atMs: number) => string,
  comparable: (expected: string) => string,
): string[] {
  const cells = parse(scenario.cells);
  assertEquals(Object.keys(cells), Object.keys(rows), "every command has its row, in order");
  const reachedMs = Math.max(createdMs, ...scenario.given.map(([atMs]) => atMs));
  const wrong: string[] = [];
  for (const [rowName, row] of Object.entries(rows)) {
    for (const [column, atMs] of Object.entries(columns)) {
      const cell = cells[rowName]![column];
      assert(cell !== undefined, `no cell for ${rowName} at ${column}`);
      assertEquals(cell === ".", atMs < reachedMs, `dot or not: ${rowName} at ${column}`);
      if (cell === ".") continue;
      const expected = comparable(spell(cell));
      const actual = actually(scenario, row, atMs);
      if (actual === expected) continue;
      wrong.push(`${rowName} at ${column}: expected ${expected}, actual ${actual}`);
    }
  }
  return wrong;
}

const createdMs = hourBeforeP - 60 * minuteMs;

const settings: ModelSettings = {
  name: "Spring",
  description: "",
  type: "modal_text",
  platforms: ["web"],
  audience: "all",
  startMs,
  endMs,
  body: "Words",
  priority: 50,
};

function run(scenario: Scenario, row: Row, atMs: number): string {
  let state: CampaignState = campaignDecider.initial;
  let appended = 0;

  function append(events: readonly CampaignEvent[], nowMs: number): void {
    for (const event of events) state = campaignDecider.evolve(state, event, nowMs);
    appended = events.length;
  }
  function create(): void {
    const made = settingsOf({ ...settings, audience: scenario.audience });
    const created = campaignDecider.decide(
      { type: "create", settings: made, copiedFrom: null },
      state,
      contextAt(createdMs, {}),
    );
    assert(Array.isArray(created), `not created: ${JSON.stringify(created)}`);
    append(created, createdMs);
  }
  function take(command: ModelCommand, nowMs: number, surroundings: Surroundings): string | null {
    const context = contextAt(nowMs, surroundings);
    append(dueEvents(state, context), nowMs);
    const decision = campaignDecider.decide(commandOf(command), state, context);
    if ("refused" in decision) return decision.refused;
    if ("invalid" in decision) return "invalid";
    append(decision, nowMs);
    return null;
  }

  create();
  for (const [givenMs, command] of scenario.given) {
    assertEquals(take(command, givenMs, {}), null, `refused on the way: ${command.kind}`);
  }
  let refusal: string | null = null;
  for (const command of row.commands(atMs)) refusal = take(command, atMs, row);
  if (refusal !== null) return refusal;
  const nothing = appended === 0 ? nothingNew : "";
  return `${state.status} revision ${state.contentRevision}${nothing}`;
}

function runModel(scenario: Scenario, row: Row, atMs: number): string {
  const step = (atMs: number, command: ModelCommand, around: Surroundings): ModelStep => ({
    atMs,
    command,
    othersActive: around.otherActiveCount ?? 29,
    platformsSetUp: around.platformsSetUp ?? ["web"],
    audienceExists: around.audienceGone !== true,
  });
  const { prepareLeadMs, reflectWindowMs, activeLimit } = contextAt(atMs, row);
  const seen = live(
    { prepareLeadMs, reflectWindowMs, activeLimit },
    { ...settings, audience: scenario.audience },
    createdMs,
    [
      ...scenario.given.map(([givenMs, command]) => step(givenMs, command, {})),
      ...row.commands(atMs).map((command) => step(atMs, command, row)),
    ],
  );
  const { outcome, status, revision } = seen.at(-1)!;
  return outcome === "ok" ? `${status} revision ${revision}` : outcome;
}

function contextAt(nowMs: number, surroundings: Surroundings): CampaignContext {
  return {
    nowMs,
    prepareLeadMs: startMs - prepareMs,
    reflectWindowMs: reflectedMs - editMs,
    statusCheckMs: minuteMs,
    activeLimit: 30,
    otherActiveCount: surroundings.otherActiveCount ?? 29,
    platformsSetUp: surroundings.platformsSetUp ?? ["web"],
    audienceExists: () => surroundings.audienceGone !== true,
  };
}

/** Rows of a table by name, each with its cells by column. */
function parse(cells: string): Record<string, Record<string, string>> {
  const [head, ...lines] = cells.split("\n").filter((line) => line.trim() !== "");
  assertEquals(head!.trim().split(/\s+/), Object.keys(columns));
  const parsed: Record<string, Record<string, string>> = {};
  for (const line of lines) {
    const rowName = line.slice(0, 24).trim();
    const tokens = line.slice(24).trim().split(/\s+/);
    assertEquals(tokens.length, Object.keys(columns).length, `cells of "${rowName}"`);
    assert(!(rowName in parsed), `"${rowName}" stands twice`);
    parsed[rowName] = Object.fromEntries(
      Object.keys(columns).map((column, index) => [column, tokens[index]!]),
    );
  }
  return parsed;
}

/** A cell in full words. */
function spell(cell: string): string {
  const code = codes[cell];
  if (code !== undefined) return code;
  const match = /^([A-Z]{3})(\d?)(=?)$/.exec(cell);
  const status = match === null ? undefined : statuses[match[1]!];
  assert(match !== null && status !== undefined, `what does "${cell}" mean?`);
  return `${status} revision ${match[2] || "1"}${match[3] ? nothingNew : ""}`;
}
