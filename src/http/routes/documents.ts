/** The reference: the OpenAPI document, and a page over it that needs no other host. */
import css from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import { z } from "zod";
import { statusByCode } from "../problem.ts";
import { type Route, route } from "../route.ts";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Placard: API reference</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Where the `type` of a problem leads. */
const problems = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Placard: problems</title>
</head>
<body>
<h1>Problems</h1>
<p>Every error has one of these codes; its <code>detail</code> says what to do next.</p>
<ul>
${
  Object.entries(statusByCode)
    .map(([code, status]) => `<li id="${code}">${status} <code>${code}</code></li>`).join("\n")
}
</ul>
</body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
});
`;

/** `document` is called once, when it is first asked for. */
export function documentRoutes(document: () => unknown): Route[] {
  let text: string | undefined;
  const file = (path: string, summary: string, mediaType: string, content: string): Route =>
    route({
      method: "get",
      path,
      tag: "Reference",
      summary,
      roles: "public",
      answers: { 200: { description: summary, schema: z.string(), mediaType } },
      handle: () =>
        new Response(content, {
          headers: {
            "content-type": `${mediaType}; charset=utf-8`,
            // Nothing from another host can be loaded.
            "content-security-policy":
              "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
          },
        }),
    });
  return [
    route({
      method: "get",
      path: "/openapi.json",
      tag: "Reference",
      summary: "This document",
      roles: "public",
      answers: {
        200: { description: "OpenAPI 3.1", schema: z.looseObject({ openapi: z.string() }) },
      },
      handle: () => {
        text ??= JSON.stringify(document());
        return new Response(text, { headers: { "content-type": "application/json" } });
      },
    }),
    file("/docs", "API reference", "text/html", page),
    file("/docs/problems", "The codes of problems", "text/html", problems),
    file("/docs/swagger-ui.css", "Style of the API reference", "text/css", css),
    file("/docs/swagger-ui-bundle.js", "Script of the API reference", "text/javascript", script),
    file("/docs/start.js", "Start of the API reference", "text/javascript", start),
  ];
}
