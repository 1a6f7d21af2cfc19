/** Campaigns: create, read, edit, delete, copy; what is in an answer, what is refused and where. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { messageTypes } from "../../events/campaign_settings.ts";
import { spring } from "../events/settings_examples.ts";
import { assertProblem, faultsOf, withServer } from "../support/server.ts";

Deno.test("a draft needs only a name and a type", () =>
  withServer(async ({ expect }) => {
    const body = { name: "Spring", type: "modal_text" };
    const created = await expect(201, "POST", "/v1/campaigns", { body });
    const { id, status, version, missing, contentRevision, copiedFrom } = created.json;
    assertEquals({ status, version, contentRevision, copiedFrom }, {
      status: "writing",
      version: 1,
      contentRevision: 1,
      copiedFrom: null,
    });
    assertEquals(
      missing,
      ["/platforms", "/content/title", "/schedule/startAt", "/schedule/endAt"],
    );
    assertEquals(created.headers.get("location"), `/v1/campaigns/${id}`);
    assertEquals(created.headers.get("etag"), '"1"');
    assertEquals(created.json.allowedActions.toSorted(), ["activate", "copy", "delete", "edit"]);
    const read = await expect(200, "GET", created.headers.get("location")!);
    assertEquals(read.json, created.json);
    assertEquals(read.headers.get("etag"), '"1"');
  }));

Deno.test("a complete campaign of every type is created, read and activated", () =>
  withServer(async ({ expect, draft }) => {
    for (const type of messageTypes) {
      const id = await draft({}, type);
      const { json } = await expect(200, "GET", `/v1/campaigns/${id}`);
      assertEquals([json.type, json.missing], [type, []]);
      const { status } = (await expect(200, "POST", `/v1/campaigns/${id}/activate`)).json;
      assertEquals(status, "posting", type);
    }
  }));

Deno.test("the example of the reference comes back as it was sent", () =>
  withServer(async ({ expect }) => {
    const { audience: _, ...body } = spring;
    const { json } = await expect(201, "POST", "/v1/campaigns", { body });
    for (const [name, value] of Object.entries(body)) assertContains(json[name], value, name);
    assertEquals(json.audience.kind, "all");
  }));

Deno.test("a patch merges, null restores a default, arrays are replaced whole", () =>
  withServer(async ({ expect, draft }) => {
    const id = await draft({ priority: 70, labels: ["a", "b"], description: "Old" });
    const path = `/v1/campaigns/${id}`;
    const body = { priority: null, labels: ["c"], content: { body: "New" } };
    const { json, headers } = await expect(200, "PATCH", path, { body });
    assertEquals([json.priority, json.labels, json.description], [50, ["c"], "Old"]);
    assertEquals([json.content.title, json.content.body], ["Hello", "New"]);
    assertEquals([json.version, headers.get("etag")], [2, '"2"']);
    const before = await expect(200, "GET", path);
    const same = await expect(200, "PATCH", path, { body: { ...body, description: "Old" } });
    assertEquals(same.json, json, "a patch that changes nothing appends nothing");
    assertEquals(same.position, before.position);
  }));

Deno.test("422 names every fault with its pointer, and stores nothing", () =>
  withServer(async ({ request, draft, end }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const before = await end();
    const cases: [Record<string, unknown>, string[]][] = [
      [{ name: "", type: "modal_text" }, ["/name too_short"]],
      [{ type: "modal_text" }, ["/name required"]],
      [{ name: "A", type: "poster" }, ["/type invalid_value"]],
      [{ name: "A", type: "modal_text", colour: 1 }, ["/colour unknown_field"]],
      [{ name: "A", type: "modal_text", "a/b~c": 1 }, ["/a~1b~0c unknown_field"]],
      [
        { name: "A", type: "modal_text", platforms: ["web", "windows"], priority: 101 },
        ["/platforms/1 invalid_value", "/priority out_of_range"],
      ],
      [{ name: "A", type: "modal_text", content: { titel: "x" } }, [
        "/content/titel unknown_field",
      ]],
      [
        {
          name: "A",
          type: "modal_image",
          content: { images: { portrait: { url: "javascript:x" } } },
        },
        ["/content/images/portrait/url unsafe_url"],
      ],
      [
        { name: "A", type: "modal_text", schedule: { startAt: "2026-02-30T00:00:00Z" } },
        ["/schedule/startAt invalid_format"],
      ],
      [
        { name: "A", type: "modal_text", audience: { kind: "audience", audienceId: "none" } },
        ["/audience/audienceId unknown_audience"],
      ],
    ];
    for (const [body, faults] of cases) {
      const answer = await request("POST", "/v1/campaigns", { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), faults);
      for (const { message } of answer.json.errors) assert(message.length > 0);
      if (!("name" in body) || body.type === "poster") continue;
      const patched = await request("PATCH", path, { body });
      assertProblem(patched, 422, "invalid");
      assertEquals(faultsOf(patched), faults);
    }
    const proto = await request("POST", "/v1/campaigns", {
      body: '{"name": "A", "type": "modal_text", "__proto__": {"priority": 1}}',
    });
    assertEquals(faultsOf(proto), ["/__proto__ unknown_field"]);
    for (const field of ["name", "type"]) {
      assertProblem(await request("PATCH", path, { body: { [field]: null } }), 422, "invalid");
    }
    for (const body of [[], "null", "5", '"text"', "true"]) {
      assertProblem(await request("POST", "/v1/campaigns", { body }), 422, "invalid");
      assertProblem(await request("PATCH", path, { body }), 422, "invalid");
    }
    assertEquals(await end(), before);
  }));

Deno.test("unknown fields and queries are refused by every command", () =>
  withServer(async ({ request, draft, end }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const before = await end();
    for (const name of ["activate", "stop", "restart", "end", "copy"]) {
      for (const field of ["nonsense", "__proto__", "constructor"]) {
        const body = `{"${field}": 1}`;
        const answer = await request("POST", `${path}/${name}`, { body });
        assertProblem(answer, 422, "invalid");
        assertEquals(faultsOf(answer), [`/${field} unknown_field`], name);
        const query = await request("POST", `${path}/${name}?${field}=1`);
        assertEquals(faultsOf(query), [`/${field} unknown_field`], name);
      }
    }
    assertEquals(await end(), before);
  }));

Deno.test("a draft is deleted: GET and copy answer 404, every command too", () =>
  withServer(async ({ expect, draft }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const { position, text } = await expect(204, "DELETE", path);
    assertEquals(text, "");
    for (const read of ["", "/status", "/kpi"]) await expect(404, "GET", path + read);
    for (const name of ["copy", "activate", "stop", "restart", "end"]) {
      await expect(404, "POST", `${path}/${name}`);
    }
    await expect(404, "PATCH", path, { body: { name: "B" } });
    await expect(404, "DELETE", path);
    const list = await expect(200, "GET", "/v1/campaigns");
    assertEquals([list.json.items, list.json.countsByStatus.writing], [[], 0]);
    assertEquals(list.position, position);
  }));

Deno.test("a copy starts anew from every status", () =>
  withServer(async ({ campaignIn, expect, nowMs }) => {
    for (const status of campaignStatuses) {
      const id = await campaignIn(status, { name: `Is ${status}`, priority: 60 });
      const source = (await expect(200, "GET", `/v1/campaigns/${id}`)).json;
      const copied = await expect(201, "POST", `/v1/campaigns/${id}/copy`);
      const { json } = copied;
      assertMatch(copied.headers.get("location")!, new RegExp(`/v1/campaigns/${json.id}$`));
      assertEquals([json.status, json.version, json.copiedFrom], ["writing", 1, id]);
      assertEquals([json.name, json.priority, json.contentRevision], [source.name, 60, 1]);
      assertEquals(json.content, source.content);
      const passed = (at: string) => Date.parse(at) <= nowMs();
      const { startAt, endAt } = source.schedule;
      assertEquals(json.schedule.startAt, passed(startAt) ? null : startAt, status);
      assertEquals(json.schedule.endAt, passed(endAt) ? null : endAt, status);
      const named = await expect(201, "POST", `/v1/campaigns/${id}/copy`, { body: { name: "B" } });
      assertEquals(named.json.name, "B");
      assertEquals((await expect(200, "GET", `/v1/campaigns/${id}`)).json, source);
    }
  }));

/** Every member of `part` is in `whole`, at any depth. */
function assertContains(whole: unknown, part: unknown, name: string): void {
  if (part === null || typeof part !== "object") return assertEquals(whole, part, name);
  for (const [key, member] of Object.entries(part)) {
    assertContains((whole as Record<string, unknown>)?.[key], member, `${name}/${key}`);
  }
}
