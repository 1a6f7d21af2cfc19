/**
 * The quick way through an item that is in order. It says yes to nothing that `interactionSchema`
 * refuses; what it is not sure of is left to the schema, which also says what is wrong. Checking by
 * the schema costs four times as much as parsing the JSON.
 */
import { interactionKinds } from "../../events/interaction_chunk.ts";
import { sessionTokenLengthMax } from "../../events/session_token.ts";
import { platforms } from "../../events/workspace_events.ts";
import {
  idLengthMax,
  idPattern,
  type Interaction,
  nameLengthMax,
  propertiesMax,
  propertyLengthMax,
  revisionMax,
  subjectIdLengthMax,
} from "./interaction.ts";

/** `value` comes from `JSON.parse`. False: look again, by the schema. */
export function isSurelyInteraction(value: unknown): value is Interaction {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  let required = 0;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    switch (key) {
      case "id":
        if (!isId(member, idLengthMax)) return false;
        required++;
        break;
      case "kind":
        if (!(interactionKinds as readonly unknown[]).includes(member)) return false;
        required++;
        break;
      case "platform":
        if (!(platforms as readonly unknown[]).includes(member)) return false;
        required++;
        break;
      case "deviceId":
        if (!isId(member, subjectIdLengthMax)) return false;
        required++;
        break;
      case "occurredAt":
        if (typeof member !== "string" || Number.isNaN(usualInstantMs(member))) return false;
        required++;
        break;
      case "userId":
        if (!isId(member, subjectIdLengthMax)) return false;
        break;
      case "elementId":
        if (!isId(member, idLengthMax)) return false;
        break;
      case "name":
        if (!isId(member, nameLengthMax)) return false;
        break;
      case "campaignId":
      case "claimId":
        if (!isText(member, 1, idLengthMax)) return false;
        break;
      case "session":
        if (!isText(member, 0, sessionTokenLengthMax)) return false;
        break;
      case "revision":
        if (!Number.isInteger(member) || (member as number) < 1) return false;
        if ((member as number) > revisionMax) return false;
        break;
      case "properties":
        if (!areProperties(member)) return false;
        break;
      default:
        return false;
    }
  }
  return required === 5;
}

/** Milliseconds of an instant that the schema has accepted. */
export function instantMs(instant: string): number {
  const usualMs = usualInstantMs(instant);
  return Number.isNaN(usualMs) ? Date.parse(instant) : usualMs;
}

function isText(value: unknown, lengthMin: number, lengthMax: number): boolean {
  return typeof value === "string" && value.length >= lengthMin && value.length <= lengthMax;
}

/** Most ids are printable ASCII, which costs less to see than what the pattern is about. */
function isId(value: unknown, lengthMax: number): boolean {
  if (typeof value !== "string" || value.length === 0 || value.length > lengthMax) return false;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code < 32 || code > 126) return idPattern.test(value);
  }
  return true;
}

function areProperties(value: unknown): boolean {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  let count = 0;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (++count > propertiesMax || key.length > nameLengthMax || key === "__proto__") return false;
    const isPlain = member === null || typeof member === "boolean" || Number.isFinite(member) ||
      isText(member, 0, propertyLengthMax);
    if (!isPlain) return false;
  }
  return true;
}

/** The last day that was asked for: instants of one batch are mostly of one day. */
let dayText = "";
let dayMs = NaN;

/** Of `YYYY-MM-DDTHH:MM:SS.sssZ`, as clients write it; NaN for all other forms. */
function usualInstantMs(text: string): number {
  if (text.length !== 24 || text[10] !== "T" || text[13] !== ":" || text[16] !== ":") return NaN;
  if (text[19] !== "." || text[23] !== "Z") return NaN;
  const hour = digits(text, 11, 13), minute = digits(text, 14, 16);
  const second = digits(text, 17, 19), millisecond = digits(text, 20, 23);
  if (!(hour < 24 && minute < 60 && second < 60)) return NaN;
  if (!text.startsWith(dayText) || dayText === "") {
    dayText = text.slice(0, 10);
    dayMs = startOfDayMs(dayText);
  }
  return dayMs + ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
}

const dayPattern = /^\d{4}-\d\d-\d\d$/;

function startOfDayMs(day: string): number {
  const ms = dayPattern.test(day) ? Date.parse(day) : NaN;
  // A day that the month has not: some engines would take it for one of the next.
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day ? NaN : ms;
}

/** NaN where something else stands. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let index = from; index < to; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}
