/** Which addresses a message may open or load, however they are disguised. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { deepLink, imageUrl, unsafeSchemes, webUrl } from "../../events/web_address.ts";

type Row = [address: string, image: string, web: string, deep: string];

const rows: Row[] = [
  // address, then the code for an image, a web link and a deep link
  ["https://x.example/a.png?b=c#d", "", "", ""],
  ["HTTPS://X.example/a", "", "", ""],
  ["https://예시.example/상품", "", "", ""],
  ["http://x.example/", "unsafe_url", "", "unsafe_url"],
  ["shop://spring", "unsafe_url", "unsafe_url", ""],
  ["com.example.app:/path", "unsafe_url", "unsafe_url", ""],
  ["tel:+8221234567", "unsafe_url", "unsafe_url", ""],
  ["shop:", "unsafe_url", "unsafe_url", "invalid_url"],
  ["javascript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["JaVaScRiPt:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  [" javascript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["java\tscript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["java\nscript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["\u0001javascript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["java\u200bscript:alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["javascript :alert(1)", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["java%73cript:alert(1)", "invalid_url", "invalid_url", "invalid_url"],
  ["data:text/html,<script>", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["vbscript:x", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["file:///etc/passwd", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["blob:https://x.example/1", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["about:blank", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["intent://x#Intent;end", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["view-source:https://x.example", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["https://user:secret@x.example/", "unsafe_url", "unsafe_url", "unsafe_url"],
  ["https://", "invalid_url", "invalid_url", "invalid_url"],
  ["https:x.example", "invalid_url", "invalid_url", "invalid_url"],
  ["https:///x.example", "invalid_url", "invalid_url", "invalid_url"],
  ["https:\\\\x.example", "invalid_url", "invalid_url", "invalid_url"],
  ["https://x.example/a b", "invalid_url", "invalid_url", "invalid_url"],
  ["https://x.example/{{ user.id | default: '1' }}", "invalid_url", "invalid_url", "invalid_url"],
  ["//x.example/a", "invalid_url", "invalid_url", "invalid_url"],
  ["/a.png", "invalid_url", "invalid_url", "invalid_url"],
  ["", "invalid_url", "invalid_url", "invalid_url"],
  ["https://x.example/".padEnd(2_048, "a"), "", "", ""],
  ["https://x.example/".padEnd(2_049, "a"), "too_long", "too_long", "too_long"],
];

Deno.test("addresses by kind", () => {
  for (const [address, ...codes] of rows) {
    assertEquals(
      [imageUrl, webUrl, deepLink].map((schema) => codeOf(schema, address)),
      codes,
      address,
    );
  }
});

Deno.test("no spelling of an unsafe scheme is a deep link", () => {
  const schemes = [...unsafeSchemes];
  const noise = fc.constantFrom(
    "",
    "",
    "",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u00a0",
    "\u200b",
    "\ufeff",
  );
  const spelled = fc.constantFrom(...schemes).chain((scheme) =>
    fc.tuple(
      ...[...scheme].map((letter) =>
        fc.tuple(noise, fc.boolean()).map(([mark, upper]) =>
          mark + (upper ? letter.toUpperCase() : letter)
        )
      ),
    ).map((letters) => letters.join(""))
  );
  fc.assert(fc.property(spelled, fc.string({ minLength: 1 }), (scheme, rest) => {
    assertEquals(codeOf(deepLink, `${scheme}:${rest}`) === "", false);
  }));
});

Deno.test("what passes as a link is read by a browser with the scheme that was checked", () => {
  fc.assert(
    fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.string({ unit: "binary" })), (text) => {
      if (codeOf(webUrl, text) === "") assertEquals(/^https?:$/.test(new URL(text).protocol), true);
      if (codeOf(imageUrl, text) === "") assertEquals(new URL(text).protocol, "https:");
    }),
  );
});

function codeOf(schema: typeof webUrl, text: string): string {
  const issue = schema.safeParse(text).error?.issues[0];
  return issue === undefined
    ? ""
    : String(issue.code === "custom" ? issue.params?.code : issue.code);
}
