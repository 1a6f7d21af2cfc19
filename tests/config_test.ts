/** The configuration: what is default, what each variable does, and that a bad one is named. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Config, ConfigError, configFrom, isUrl } from "../src/config.ts";

const from = (variables: Readonly<Record<string, string>>) =>
  configFrom((name) => Object.hasOwn(variables, name) ? variables[name] : undefined);

const defaults: Config = {
  kv: "./data/placard.kv",
  host: "127.0.0.1",
  port: 8080,
  presetKeys: {},
  prepareLeadMs: 3_600_000,
  reflectWindowMs: 600_000,
  activeLimit: 30,
  timeZone: "UTC",
  publicAudit: false,
};
const names = [
  "PLACARD_KV",
  "PLACARD_HOST",
  "PLACARD_PORT",
  "PLACARD_OPERATOR_KEY",
  "PLACARD_AUDITOR_KEY",
  "PLACARD_SDK_KEY",
  "PLACARD_PREPARE_LEAD",
  "PLACARD_REFLECT_WINDOW",
  "PLACARD_ACTIVE_LIMIT",
  "PLACARD_TIME_ZONE",
  "PLACARD_PUBLIC_AUDIT",
];

Deno.test("config: nothing set, or all of it empty, is the default", () => {
  assertEquals(from({}), defaults);
  assertEquals(from(Object.fromEntries(names.map((name) => [name, ""]))), defaults);
});

Deno.test("config: it reads just the variables that the operations guide lists", async () => {
  const read = new Set<string>();
  configFrom((name) => void read.add(name));
  assertEquals([...read].sort(), names.toSorted());
  const guide = await Deno.readTextFile(new URL("../docs/operations.md", import.meta.url));
  for (const name of names) assert(guide.includes(`| \`${name}\``), `${name} is not in the guide`);
});

const key = "0123456789abcdef0123456789abcde";
const good: [name: string, value: string, then: Partial<Config>][] = [
  ["PLACARD_KV", ":memory:", { kv: ":memory:" }],
  ["PLACARD_KV", "/var/lib/a, b.kv", { kv: "/var/lib/a, b.kv" }],
  ["PLACARD_KV", "http://127.0.0.1:4512", { kv: "http://127.0.0.1:4512" }],
  ["PLACARD_HOST", "::1", { host: "::1" }],
  ["PLACARD_PORT", "0", { port: 0 }],
  ["PLACARD_PORT", "65535", { port: 65_535 }],
  ["PLACARD_PORT", "0080", { port: 80 }],
  ["PLACARD_OPERATOR_KEY", `${key}1`, { presetKeys: { operator: `${key}1` } }],
  ["PLACARD_AUDITOR_KEY", `${key} ~`, { presetKeys: { auditor: `${key} ~` } }],
  ["PLACARD_SDK_KEY", "!".repeat(500), { presetKeys: { sdk: "!".repeat(500) } }],
  ["PLACARD_PREPARE_LEAD", "PT0S", { prepareLeadMs: 0 }],
  ["PLACARD_PREPARE_LEAD", "P1DT1H", { prepareLeadMs: 25 * 3_600_000 }],
  ["PLACARD_REFLECT_WINDOW", "P1W", { reflectWindowMs: 7 * 24 * 3_600_000 }],
  ["PLACARD_REFLECT_WINDOW", "PT90S", { reflectWindowMs: 90_000 }],
  ["PLACARD_ACTIVE_LIMIT", "1", { activeLimit: 1 }],
  ["PLACARD_ACTIVE_LIMIT", "1000", { activeLimit: 1_000 }],
  ["PLACARD_TIME_ZONE", "Asia/Seoul", { timeZone: "Asia/Seoul" }],
  ["PLACARD_TIME_ZONE", "Europe/Rome", { timeZone: "Europe/Rome" }],
  ["PLACARD_PUBLIC_AUDIT", "true", { publicAudit: true }],
  ["PLACARD_PUBLIC_AUDIT", "false", { publicAudit: false }],
];

Deno.test("config: each variable sets its own field and no other", () => {
  for (const [name, value, then] of good) {
    assertEquals(from({ [name]: value }), { ...defaults, ...then }, `${name}=${value}`);
  }
});

const badNumbers = ["-1", "1.5", "1e3", "0x10", "one", " 80", "80 ", "+80", "999999999999"];
const badDurations = ["P", "PT", "1H", "P1Y", "P1M", "PT1.5H", "-PT1H", "pt1h", "PT1H ", "3600"];
const badKeys = [
  key,
  `${key}\u0000`,
  `${key}\n`,
  ` ${key}`,
  `${key} `,
  `${key}é`,
  "키".repeat(40),
];
const bad: [name: string, values: string[]][] = [
  ["PLACARD_PORT", [...badNumbers, "65536"]],
  ["PLACARD_ACTIVE_LIMIT", [...badNumbers, "0", "1001"]],
  ["PLACARD_PREPARE_LEAD", badDurations],
  ["PLACARD_REFLECT_WINDOW", badDurations],
  ["PLACARD_TIME_ZONE", ["+09:00", "Mars/Olympus", "Asia", "UTC ", "x".repeat(200)]],
  ["PLACARD_PUBLIC_AUDIT", ["1", "yes", "TRUE", "true "]],
  ["PLACARD_OPERATOR_KEY", badKeys],
  ["PLACARD_AUDITOR_KEY", badKeys],
  ["PLACARD_SDK_KEY", badKeys],
];

Deno.test("config: a bad value stops the start with one line that names the variable", () => {
  for (const [name, values] of bad) {
    for (const value of values) {
      const { message } = assertThrows(() => from({ [name]: value }), ConfigError, name);
      assert(!message.trim().includes("\n"), message);
    }
  }
});

Deno.test("config: what is wrong with a key never shows the key", () => {
  const secret = `secret-${"s".repeat(20)}`;
  const { message } = assertThrows(() => from({ PLACARD_SDK_KEY: secret }), ConfigError);
  assert(!message.includes(secret));
});

Deno.test("config: no two roles have the same key", () => {
  const keyNames = ["PLACARD_OPERATOR_KEY", "PLACARD_AUDITOR_KEY", "PLACARD_SDK_KEY"];
  const secrets = keyNames.map((_, index) => `${key}${index}`);
  const three = Object.fromEntries(keyNames.map((name, index) => [name, secrets[index]!]));
  const [operator, auditor, sdk] = secrets as [string, string, string];
  assertEquals(from(three).presetKeys, { operator, auditor, sdk });
  for (const [first, name] of [[0, 1], [0, 2], [1, 2]] as const) {
    const twice = { ...three, [keyNames[name]!]: secrets[first]! };
    const { message } = assertThrows(() => from(twice), ConfigError, keyNames[name]);
    assert(!message.includes(secrets[first]!), "the key is shown");
  }
});

Deno.test("config: which stores are servers", () => {
  for (const kv of ["http://127.0.0.1:4512", "https://kv.example/"]) assert(isUrl(kv), kv);
  for (const kv of [":memory:", "./data/placard.kv", "data/http:/x", "httpd.kv"]) {
    assert(!isUrl(kv), kv);
  }
});
