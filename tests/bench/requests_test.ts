/** What the load generator fills in: ids that nothing else has, devices within their number. */
import { assert, assertEquals } from "@std/assert";
import { Requests } from "../../bench/load/requests.ts";

const devices = 1_000;
const template = '{"id":"~~~~~~~~-~~~~","device":"d-######","user":"u-^^^^^^","é":"d-######"}';
const plain = "GET / HTTP/1.1\r\n\r\n";

function file(...texts: string[]): Uint8Array {
  const encoder = new TextEncoder();
  const whole = texts.map((text) => `${encoder.encode(text).length}\n${text}`).join("");
  return encoder.encode(whole);
}

function texts(requests: Requests, count: number): string[] {
  return Array.from({ length: count }, () => new TextDecoder().decode(requests.next()));
}

Deno.test("requests: ids are new each time, the device's number is in its range and repeated", () => {
  const made = texts(new Requests(file(template), 7, devices), 5_000);
  const ids = made.map((text) => /^{"id":"([0-9a-f]{8}-[0-9a-f]{4})"/.exec(text)![1]);
  assertEquals(new Set(ids).size, made.length);
  for (const text of made) {
    const [, device, user, other] = /"d-(\d{6})","user":"u-(\d{6})","é":"d-(\d{6})"/.exec(text)!;
    assertEquals(user, device);
    assert(Number(device) < devices && Number(other) < devices);
  }
});

Deno.test("requests: they come in turn, and one without placeholders stays as it is", () => {
  const [first, second, third] = texts(new Requests(file(plain, template), 7, devices), 3);
  assertEquals([first, third], [plain, plain]);
  assert(second!.startsWith('{"id":"'));
});

Deno.test("requests: the same seed makes the same, another one makes others", () => {
  const one = texts(new Requests(file(template), 7, devices), 10);
  assertEquals(texts(new Requests(file(template), 7, devices), 10), one);
  assert(texts(new Requests(file(template), 8, devices), 10)[0] !== one[0]);
});
