/** Paging: every item once, whatever is written between the pages. */
import { assert, assertEquals } from "@std/assert";
import { assertProblem, type TestServer, withServer } from "../support/server.ts";

// deno-lint-ignore no-explicit-any -- an item of any list
type Item = any;

/** All pages one after the other; `between` runs after each. */
async function pages(
  { expect }: TestServer,
  path: string,
  limit: number,
  between: (page: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  for (let page = 0;; page++) {
    assert(page < 300, "paging does not end");
    const url: string = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}` +
      (cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`);
    const { json } = await expect(200, "GET", url);
    assert(json.items.length <= limit);
    items.push(...json.items);
    cursor = json.nextCursor;
    if (cursor === null) return items;
    assertEquals(json.items.length, limit, "a page before the last is full");
    await between(page);
  }
}

async function manyDrafts({ draft, advance }: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    ids.push(await draft({ name: `N${String(index * 7 % count).padStart(3, "0")}` }));
    if (index % 3 === 0) advance(1);
  }
  return ids;
}

Deno.test("every sort gives every campaign once, in pages of any size", () =>
  withServer(async (server) => {
    const ids = (await manyDrafts(server, 25)).toSorted();
    for (const sort of ["createdAt", "updatedAt", "startAt", "name"]) {
      for (const direction of ["", "-"]) {
        const path = `/v1/campaigns?sort=${direction}${sort}`;
        const whole = (await server.expect(200, "GET", path)).json.items;
        for (const limit of [1, 4, 24, 25, 26]) {
          const items = await pages(server, path, limit);
          assertEquals(items.map(({ id }) => id), whole.map(({ id }: Item) => id), path);
          assertEquals(items.map(({ id }) => id).toSorted(), ids);
        }
      }
    }
  }));

Deno.test("50 a page by default, 200 at most", () =>
  withServer(async (server) => {
    await Promise.all(Array.from({ length: 205 }, () => server.draft()));
    const { json } = await server.expect(200, "GET", "/v1/campaigns");
    assertEquals([json.items.length, json.nextCursor === null], [50, false]);
    const whole = await server.expect(200, "GET", "/v1/campaigns?limit=200");
    assertEquals([whole.json.items.length, whole.json.nextCursor === null], [200, false]);
    assertEquals((await pages(server, "/v1/campaigns", 200)).length, 205);
  }));

Deno.test("campaigns created, edited and deleted between pages disturb no other", () =>
  withServer(async (server) => {
    const { draft, expect, advance } = server;
    for (const sort of ["createdAt", "-createdAt", "name", "-name", "startAt"]) {
      const ids = await manyDrafts(server, 20);
      const items = await pages(server, `/v1/campaigns?sort=${sort}&q=N0`, 3, async (page) => {
        advance(1);
        await draft({ name: `N0${page % 2 === 0 ? "00" : "99"} new` });
        const edited = ids[(page * 5) % ids.length]!;
        await expect(200, "PATCH", `/v1/campaigns/${edited}`, { body: { priority: page } });
      });
      const seen = items.map(({ id }) => id);
      assertEquals(new Set(seen).size, seen.length, `${sort}: one came twice`);
      for (const id of ids) assert(seen.includes(id), `${sort}: one was left out`);
      for (const { id } of (await pages(server, "/v1/campaigns", 200))) {
        await expect(204, "DELETE", `/v1/campaigns/${id}`);
      }
    }
  }));

Deno.test("the campaign that a cursor stands on may be deleted", () =>
  withServer(async (server) => {
    await manyDrafts(server, 6);
    const first = await server.expect(200, "GET", "/v1/campaigns?limit=3&sort=createdAt");
    const whole = await server.expect(200, "GET", "/v1/campaigns?sort=createdAt");
    await server.expect(204, "DELETE", `/v1/campaigns/${first.json.items.at(-1).id}`);
    const url = `/v1/campaigns?limit=3&sort=createdAt&cursor=${first.json.nextCursor}`;
    const { json } = await server.expect(200, "GET", url);
    assertEquals(json.items, whole.json.items.slice(3));
    assertEquals(json.nextCursor, null);
  }));

Deno.test("history is paged, and grows at its end", () =>
  withServer(async (server) => {
    const { draft, expect } = server;
    const path = `/v1/campaigns/${await draft()}`;
    const edit = (priority: number) => expect(200, "PATCH", path, { body: { priority } });
    for (let index = 0; index < 9; index++) await edit(index);
    const whole = (await expect(200, "GET", `${path}/history`)).json.items;
    for (const limit of [1, 3, 9, 10, 11]) {
      assertEquals(await pages(server, `${path}/history`, limit), whole);
    }
    const grown = await pages(server, `${path}/history`, 5, (page) => edit(60 + page));
    assertEquals(grown.slice(0, 10), whole);
    assertEquals(grown.length, 12);
    assertEquals(grown.map(({ version }) => version), grown.map((_, index) => index + 1));
  }));

Deno.test("keys are paged", () =>
  withServer(async (server) => {
    for (let index = 0; index < 7; index++) {
      await server.expect(201, "POST", "/v1/keys", { body: { name: `K${index}`, role: "sdk" } });
    }
    const whole = (await server.expect(200, "GET", "/v1/keys")).json.items;
    assertEquals(whole.length, 7);
    for (const limit of [1, 3, 7, 8]) assertEquals(await pages(server, "/v1/keys", limit), whole);
  }));

Deno.test("a cursor of another list, or of nobody, is 422", () =>
  withServer(async ({ draft, expect, request }) => {
    const [id] = [await draft(), await draft()];
    const { nextCursor } = (await expect(200, "GET", "/v1/campaigns?limit=1")).json;
    const made = (fields: unknown) => btoa(JSON.stringify(fields)).replaceAll("=", "");
    const bad = ["x", "%00", "e30", made([]), made([1]), made(["-5"]), made(["1.5"]), made(["x"])]
      .concat([made([""]), made(["Infinity"]), made({ 0: "1" }), nextCursor, `${nextCursor}!`]);
    for (const cursor of bad) {
      const url = `/v1/campaigns/${id}/history?cursor=${encodeURIComponent(cursor)}`;
      assertProblem(await request("GET", url), 422, "invalid");
      if (cursor === nextCursor) continue;
      const list = `/v1/campaigns?cursor=${encodeURIComponent(cursor)}`;
      assertProblem(await request("GET", list), 422, "invalid");
    }
  }));
