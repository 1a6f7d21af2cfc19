/**
 * Addresses that a message may open or load. Only listed schemes pass, and what passes is exactly
 * what a browser will read: no white space, control character or back-slash that it would drop.
 */
import { z } from "zod";
import { type Fault, rule } from "./problem.ts";

export const addressLengthMax = 2_048;

/** Where an image is loaded from: https only, so that no page warns of mixed content. */
export const imageUrl = z.string().check(rule((text) => urlFault(text, ["https:"])));

/** A page that a click opens. */
export const webUrl = z.string().check(rule((text) => urlFault(text, ["https:", "http:"])));

/**
 * A place in an app: the app's own scheme, or an `https:` universal link. Schemes by which a client
 * would run code or read files are refused however they are spelled.
 */
export const deepLink = z.string().check(rule(deepLinkFault));

/** Schemes that run code, read local data or belong to the browser or the operating system. */
export const unsafeSchemes: ReadonlySet<string> = new Set([
  "about",
  "blob",
  "chrome",
  "chrome-extension",
  "chrome-untrusted",
  "content",
  "data",
  "devtools",
  "edge",
  "feed",
  "file",
  "filesystem",
  "ftp",
  "http",
  "intent",
  "jar",
  "javascript",
  "jscript",
  "livescript",
  "mhtml",
  "mocha",
  "moz-extension",
  "ms-appx",
  "ms-appx-web",
  "ms-browser-extension",
  "opera",
  "resource",
  "safari-extension",
  "safari-web-extension",
  "vbscript",
  "vbs",
  "view-source",
  "ws",
  "wss",
  "wyciwyg",
]);

// deno-lint-ignore no-control-regex -- control characters are what is meant
const dropped = /[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/g;
const schemeAtStart = /^([a-z][a-z0-9+.-]*):/i;

function urlFault(text: string, protocols: readonly string[]): Fault | null {
  const faulty = spellingFault(text);
  if (faulty) return faulty;
  const url = URL.parse(text);
  const wanted = protocols.map((protocol) => `${protocol}//`).join(" or ");
  if (url === null) return invalid(`Write a whole address that begins with ${wanted}.`);
  if (!protocols.includes(url.protocol)) return unsafe(`Only ${wanted} is allowed here.`);
  // `https:/host` and `https:host` are read as if the slashes stood there; say what is meant.
  if (!/^https?:\/\/[^/]/i.test(text)) return invalid(`Begin the address with ${wanted}HOST.`);
  if (url.username !== "" || url.password !== "") {
    return unsafe("Remove the user name and password from the address.");
  }
  return null;
}

function deepLinkFault(text: string): Fault | null {
  const faulty = spellingFault(text);
  if (faulty) return faulty;
  const scheme = schemeAtStart.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return invalid("Begin the link with your app's scheme: shop://spring.");
  if (scheme === "https") return urlFault(text, ["https:"]);
  if (unsafeSchemes.has(scheme)) return unsafe(`Links with ${scheme}: are not allowed.`);
  if (text.length === scheme.length + 1) {
    return invalid("Write where the link leads after the colon.");
  }
  return null;
}

function spellingFault(text: string): Fault | null {
  if (text.length > addressLengthMax) {
    return { code: "too_long", message: `Shorten it to at most ${addressLengthMax} characters.` };
  }
  if (text.includes("{{")) return invalid("Remove the placeholder: addresses have none.");
  const clean = text.replace(dropped, "");
  if (clean === text && !text.includes("\\")) return null;
  const scheme = schemeAtStart.exec(clean)?.[1]?.toLowerCase();
  if (scheme !== undefined && unsafeSchemes.has(scheme) && scheme !== "http") {
    return unsafe(`Links with ${scheme}: are not allowed.`);
  }
  return invalid("Remove spaces, control characters and back-slashes, or percent-encode them.");
}

function invalid(message: string): Fault {
  return { code: "invalid_url", message };
}

function unsafe(message: string): Fault {
  return { code: "unsafe_url", message };
}
