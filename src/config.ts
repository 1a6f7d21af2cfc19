/** The configuration, from the environment. A bad value stops the start with one clear line. */
import { isTimeZone } from "../events/campaign_schedule.ts";
import { durationMs } from "../events/duration.ts";
import type { Role } from "../events/workspace_events.ts";
import { activeLimitMax } from "./workspace/mod.ts";

export interface Config {
  /** Path of the database file, `:memory:`, or the URL of a KV Connect server. */
  readonly kv: string;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Preset secrets; a role without one gets a generated key at the first start. */
  readonly presetKeys: Partial<Record<Role, string>>;
  readonly prepareLeadMs: number;
  readonly reflectWindowMs: number;
  readonly activeLimit: number;
  readonly timeZone: string;
  /** Whether anybody may read what proves the log. */
  readonly publicAudit: boolean;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export const kvDefault = "./data/placard.kv";
export const hostDefault = "127.0.0.1";
export const portDefault = 8080;
/** No space at either end: a header loses it on its way. */
const presetKeyPattern = /^[\x21-\x7e][\x20-\x7e]{30,}[\x21-\x7e]$/;

/** `read` gives the value of a variable; an empty one counts as unset. */
export function configFrom(read: (name: string) => string | undefined): Config {
  const value = (name: string) => read(name) || undefined;
  return {
    kv: value("PLACARD_KV") ?? kvDefault,
    host: value("PLACARD_HOST") ?? hostDefault,
    port: wholeNumber("PLACARD_PORT", value("PLACARD_PORT"), portDefault, 0, 65_535),
    presetKeys: presetKeys(value),
    prepareLeadMs: duration("PLACARD_PREPARE_LEAD", value("PLACARD_PREPARE_LEAD") ?? "PT1H"),
    reflectWindowMs: duration("PLACARD_REFLECT_WINDOW", value("PLACARD_REFLECT_WINDOW") ?? "PT10M"),
    activeLimit: wholeNumber(
      "PLACARD_ACTIVE_LIMIT",
      value("PLACARD_ACTIVE_LIMIT"),
      30,
      1,
      activeLimitMax,
    ),
    timeZone: timeZone("PLACARD_TIME_ZONE", value("PLACARD_TIME_ZONE") ?? "UTC"),
    publicAudit: yesOrNo("PLACARD_PUBLIC_AUDIT", value("PLACARD_PUBLIC_AUDIT") ?? "false"),
  };
}

/** Whether the store is a KV Connect server. */
export function isUrl(kv: string): boolean {
  return /^https?:/.test(kv);
}

function presetKeys(value: (name: string) => string | undefined): Config["presetKeys"] {
  const secrets = new Map<string, Role>();
  for (const role of ["operator", "auditor", "sdk"] as const) {
    const name = `PLACARD_${role.toUpperCase()}_KEY`;
    const secret = value(name);
    if (secret === undefined) continue;
    if (!presetKeyPattern.test(secret)) {
      throw new ConfigError(
        `${name} must have at least 32 characters, all printable ASCII, no space at its ends`,
      );
    }
    if (secrets.has(secret)) {
      throw new ConfigError(
        `${name} is the key of the ${secrets.get(secret)} as well: take another`,
      );
    }
    secrets.set(secret, role);
  }
  return Object.fromEntries([...secrets].map(([secret, role]) => [role, secret]));
}

function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return fallback;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

function duration(name: string, text: string): number {
  const ms = durationMs(text);
  if (ms !== null) return ms;
  throw new ConfigError(`${name} must be an ISO 8601 duration like PT1H, not "${text}"`);
}

function yesOrNo(name: string, text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new ConfigError(`${name} must be true or false, not "${text}"`);
}

function timeZone(name: string, text: string): string {
  if (isTimeZone(text)) return text;
  throw new ConfigError(`${name} must be a time zone like Asia/Seoul, not "${text}"`);
}
