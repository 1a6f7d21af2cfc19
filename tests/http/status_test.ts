/** The status over time: timeline, since, what comes next. And the answers of refused commands. */
import { assert, assertEquals } from "@std/assert";
import { type CampaignStatus, campaignStatuses } from "../../events/campaign_events.ts";
import {
  assertProblem,
  clockDefault,
  dayMs,
  hourMs,
  minuteMs,
  withServer,
} from "../support/server.ts";

const at = (aheadMs: number) => new Date(Date.parse(clockDefault) + aheadMs).toISOString();

Deno.test("a campaign's life by the clock, each boundary at its own date", () =>
  withServer(async ({ campaignIn, expect, advance }) => {
    const id = await campaignIn("waiting_to_post");
    const path = `/v1/campaigns/${id}/status`;
    const first = (await expect(200, "GET", path)).json;
    assertEquals([first.status, first.since], ["waiting_to_post", at(0)]);
    assertEquals(first.next, { status: "preparing_to_publish", at: at(hourMs) });
    advance(hourMs - 1);
    assertEquals((await expect(200, "GET", path)).json, first);
    advance(1);
    const preparing = (await expect(200, "GET", path)).json;
    assertEquals([preparing.status, preparing.since], ["preparing_to_publish", at(hourMs)]);
    assertEquals(preparing.next, { status: "posting", at: at(2 * hourMs) });
    advance(hourMs + 5 * minuteMs);
    const posting = (await expect(200, "GET", path)).json;
    assertEquals([posting.status, posting.since], ["posting", at(2 * hourMs)]);
    assertEquals(posting.next, { status: "ended", at: at(14 * dayMs) });
    await expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { content: { title: "B" } } });
    const reflecting = (await expect(200, "GET", path)).json;
    assertEquals(reflecting.status, "posting_reflecting_modifications");
    const editedMs = 2 * hourMs + 5 * minuteMs;
    assertEquals(reflecting.next, { status: "posting", at: at(editedMs + 10 * minuteMs) });
    advance(30 * dayMs);
    const ended = (await expect(200, "GET", path)).json;
    assertEquals([ended.status, ended.since, ended.next], ["ended", at(14 * dayMs), undefined]);
    const told = ended.timeline.map((one: { status: string; at: string }) => [one.status, one.at]);
    assertEquals(told, [
      ["writing", at(0)],
      ["waiting_to_post", at(0)],
      ["preparing_to_publish", at(hourMs)],
      ["posting", at(2 * hourMs)],
      ["posting_reflecting_modifications", at(editedMs)],
      ["posting", at(editedMs + 10 * minuteMs)],
      ["ended", at(14 * dayMs)],
    ]);
    const positions = ended.timeline.map(({ position }: { position: string }) => position);
    assertEquals(positions.toSorted(), positions);
  }));

Deno.test("a campaign that never posted ends so", () =>
  withServer(async ({ campaignIn, expect, advance }) => {
    const path = `/v1/campaigns/${await campaignIn("waiting_to_post")}`;
    await expect(200, "POST", `${path}/stop`);
    advance(20 * dayMs);
    const { status, timeline } = (await expect(200, "GET", `${path}/status`)).json;
    assertEquals([status, timeline.at(-1).cause], ["ended", "never_posted"]);
  }));

Deno.test("the status agrees with the campaign in every status", () =>
  withServer(async ({ campaignIn, expect }) => {
    for (const status of campaignStatuses) {
      const path = `/v1/campaigns/${await campaignIn(status)}`;
      const told = (await expect(200, "GET", `${path}/status`)).json;
      assertEquals([told.status, told.timeline[0].status], [status, "writing"]);
      assertEquals(told.timeline.at(-1).status, status);
      assertEquals(told.timeline.at(-1).at, told.since);
      assertEquals((await expect(200, "GET", path)).json.status, status);
      const ahead = status !== "writing" && status !== "ended";
      assertEquals(told.next !== undefined, ahead, status);
    }
  }));

/** the rules of docs/guide.md, its table of refusals: what each command is told in each status; null: done. */
const refusals: Record<string, Record<CampaignStatus, string | null>> = {
  "DELETE ": row(null, "not_writing", "not_writing", "not_writing", "not_writing", "not_writing"),
  "POST /activate": row(
    null,
    "already_active",
    "already_active",
    "already_active",
    "already_active",
    "not_writing",
  ),
  "POST /stop": row("not_active", null, null, null, null, "already_stopped"),
  "POST /restart": row(
    "not_stopped",
    "not_stopped",
    "not_stopped",
    "not_stopped",
    "not_stopped",
    null,
  ),
  "POST /end": row("not_posting", "not_posting", "not_posting", null, null, "not_posting"),
};

function row(...codes: (string | null)[]) {
  const all = [...codes, "campaign_ended"];
  return Object.fromEntries(
    campaignStatuses.map((status, index) => [status, all[index]]),
  ) as Record<CampaignStatus, string | null>;
}

Deno.test("every command in every status answers by the table, and allowedActions agree", () =>
  withServer(async ({ campaignIn, expect, request, end }) => {
    for (const [command, codes] of Object.entries(refusals)) {
      const [method, suffix] = command.split(" ") as [string, string];
      for (const status of campaignStatuses) {
        const path = `/v1/campaigns/${await campaignIn(status)}`;
        const { allowedActions } = (await expect(200, "GET", path)).json;
        const before = await end();
        const answer = await request(method, path + suffix);
        const code = codes[status];
        const name = suffix === "" ? "delete" : suffix.slice(1);
        assertEquals(allowedActions.includes(name), code === null, `${name} in ${status}`);
        if (code === null) {
          assert(answer.status < 300, `${command} in ${status}: ${answer.text}`);
          if (answer.status !== 204) await expect(200, "POST", `${path}/stop`).catch(() => {});
        } else {
          assertProblem(answer, 409, code);
          assertEquals(await end(), before);
          if (allowedActions.includes("stop")) await expect(200, "POST", `${path}/stop`);
        }
      }
    }
  }));

Deno.test("edits are refused by what is locked in each status", () =>
  withServer(async ({ campaignIn, request }) => {
    const patches: [Record<string, unknown>, string][] = [
      [{ audience: { kind: "audience", audienceId: "aud_none" } }, "audience_locked"],
      [{ schedule: { startAt: at(3 * hourMs) } }, "start_locked"],
      [{ type: "sticky_banner" }, "type_locked"],
      [{ schedule: { endAt: at(0) } }, "end_in_past"],
    ];
    const published = ["preparing_to_publish", "posting", "posting_reflecting_modifications"];
    for (const status of campaignStatuses) {
      const path = `/v1/campaigns/${await campaignIn(status)}`;
      for (const [body, code] of patches) {
        const answer = await request("PATCH", path, { body });
        if (status === "ended") assertProblem(answer, 409, "campaign_ended");
        else if (published.includes(status)) assertProblem(answer, 409, code);
        else if (status === "stopped" && code === "type_locked") assertProblem(answer, 409, code);
        else if (answer.status === 409) assertProblem(answer, 409, "end_in_past");
        else assert([200, 422].includes(answer.status), answer.text);
      }
    }
  }));
