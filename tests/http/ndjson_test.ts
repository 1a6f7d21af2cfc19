/** Lines of a body: the same however the bytes come, and each fault with its line. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Hono } from "hono";
import {
  lineBytesMax,
  LineErrors,
  lineErrorsMax,
  type NdjsonLine,
  ndjsonLines,
} from "../../src/http/ndjson.ts";
import { HttpProblem } from "../../src/http/problem.ts";
import { asyncLaw } from "../support/laws.ts";

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

/** "NUMBER text" or "NUMBER !code" of each line; the code of the problem that ended the reading. */
async function read(body: Body, headers: Record<string, string> = {}): Promise<string[]> {
  const told: string[] = [];
  const app = new Hono();
  app.post("/", async (context) => {
    try {
      for await (const line of ndjsonLines(context)) told.push(tell(line));
    } catch (error) {
      assert(error instanceof HttpProblem, `${error}`);
      told.push(error.code);
    }
    return new Response();
  });
  await app.request("/", { method: "POST", body, headers });
  return told;
}

const tell = ({ number, text, fault }: NdjsonLine) =>
  `${number} ${fault ? `!${fault.code}` : text}`;

const encoder = new TextEncoder();

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

const inPieces = (bytes: Uint8Array<ArrayBuffer>, size: number) =>
  ReadableStream.from(function* () {
    for (let from = 0; from < bytes.length; from += size) yield bytes.slice(from, from + size);
  }());

Deno.test("ndjson: ends of lines, blank lines, faults", async () => {
  const x = (count: number) => "x".repeat(count);
  const table: [body: Body, then: string[]][] = [
    ["", []],
    ["a", ["1 a"]],
    ["a\n", ["1 a"]],
    ["a\r\n\r\nb\n \nc", ["1 a", "3 b", "5 c"]],
    ["\n\n\n", []],
    [new Uint8Array([97, 10, 255, 10, 98]), ["1 a", "2 !not_utf8", "3 b"]],
    [`${x(lineBytesMax + 1)}\nb`, ["1 !line_too_long", "2 b"]],
    [`a\n${x(3 * lineBytesMax)}`, ["1 a", "2 !line_too_long"]],
    [`${x(lineBytesMax)}\r\n${x(lineBytesMax)}`, [`1 ${x(lineBytesMax)}`, `2 ${x(lineBytesMax)}`]],
  ];
  for (const [body, then] of table) assertEquals(await read(body), then);
});

const letters = fc.string({
  unit: fc.constantFrom("a", "é", "가", "😀", "\n", "\r", " "),
  maxLength: 60,
});

Deno.test("ndjson: the same lines however the bytes are divided, packed or not", () =>
  asyncLaw(fc.tuple(letters, fc.integer({ min: 1, max: 9 })), async ([text, size]) => {
    const then = text.split("\n").map((line, index) => `${index + 1} ${line.replace(/\r$/, "")}`)
      .filter((line) => !/^\d+ \s*$/.test(line));
    const bytes = encoder.encode(text);
    assertEquals(await read(inPieces(bytes, size)), then);
    const packed = inPieces(await gzip(bytes), size);
    assertEquals(await read(packed, { "content-encoding": "gzip" }), then);
  }));

Deno.test("ndjson: what cannot be read further", async () => {
  const gzipped = { "content-encoding": "gzip" };
  assertEquals(await read("a\nb", gzipped), ["malformed_request"]);
  assertEquals(await read("a", { "content-encoding": "br" }), ["unsupported_media_type"]);
  const whole = await gzip(crypto.getRandomValues(new Uint8Array(5_000)));
  assertEquals((await read(whole.slice(0, 2_000), gzipped)).at(-1), "malformed_request");
  const breaksOff = ReadableStream.from(function* () {
    yield encoder.encode("a\nb\nc");
    throw new Error("gone");
  }());
  assertEquals(await read(breaksOff), ["1 a", "2 b", "body_not_received"]);
});

Deno.test("ndjson: zeros without end are one line that is too long", async () => {
  const zeros = new Uint8Array(64 * 1024 * 1024);
  const before = Deno.memoryUsage().rss;
  const told = await read(await gzip(zeros), { "content-encoding": "gzip" });
  assertEquals(told, ["1 !line_too_long"]);
  assert(Deno.memoryUsage().rss - before < 256 * 1024 * 1024);
});

Deno.test("ndjson: all faults are counted, the first are named", () => {
  const errors = new LineErrors();
  for (let line = 1; line <= 2 * lineErrorsMax; line++) errors.add(line, "invalid", "m");
  assertEquals(errors.count, 2 * lineErrorsMax);
  assertEquals(errors.named.map(({ line }) => line).at(-1), lineErrorsMax);
});
