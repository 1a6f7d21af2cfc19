/** An export of a store, made from its rows alone, in memory. */
import {
  canonicalJson,
  decodeRow,
  formatPosition,
  keys,
  sha256Hex,
} from "../../src/event_store/mod.ts";
import type { ImportFiles } from "../../src/audit/mod.ts";

export type ExportedFiles = Map<string, Uint8Array<ArrayBuffer>>;

const encoder = new TextEncoder();

export async function exported(kv: Deno.Kv, linesPerSegment = 12): Promise<ExportedFiles> {
  const lines: { text: string; body: Uint8Array }[] = [];
  let position = "";
  for await (const { key, value } of kv.list<Uint8Array>({ prefix: keys.logsPrefix() })) {
    const [epoch, versionstamp] = key.slice(-2) as [number, string];
    for (const [index, stored] of decodeRow(value).events.entries()) {
      position = formatPosition(epoch, versionstamp, index);
      const parts: Uint8Array[] = [];
      for (let part = 0; part < (stored.body?.parts ?? 0); part++) {
        parts.push((await kv.get<Uint8Array>(keys.body(stored.body!.ref, part))).value!);
      }
      lines.push({ text: `${canonicalJson({ ...stored, position })}\n`, body: joined(parts) });
    }
  }
  const files: ExportedFiles = new Map();
  const segments: Manifest[] = [];
  for (let first = 0; first < lines.length; first += linesPerSegment) {
    const some = lines.slice(first, first + linesPerSegment);
    const number = String(segments.length).padStart(6, "0");
    const [events, bodies] = [`events-${number}.ndjson`, `bodies-${number}.bin`];
    files.set(events, encoder.encode(some.map(({ text }) => text).join("")));
    files.set(bodies, joined(some.map(({ body }) => body)));
    segments.push({ events, bodies, firstLeaf: first, count: some.length });
  }
  describe(files, { format: 1, source: "test", checkpointSize: lines.length, position, segments });
  return files;
}

// deno-lint-ignore no-explicit-any -- damaged by tests
export type Manifest = any;

/** Writes the manifest, with the checksums that the files have. */
export function describe(files: ExportedFiles, manifest: Manifest = manifestOf(files)): void {
  for (const segment of manifest.segments) {
    segment.eventsSha256 = sha256Hex(files.get(segment.events)!);
    segment.bodiesSha256 = sha256Hex(files.get(segment.bodies)!);
  }
  files.set("manifest.json", encoder.encode(JSON.stringify(manifest)));
}

export function manifestOf(files: ExportedFiles): Manifest {
  return JSON.parse(new TextDecoder().decode(files.get("manifest.json")));
}

/** Files in pieces of odd sizes, as a disk or a socket gives them. */
export function filesOf(files: ExportedFiles): ImportFiles {
  return {
    open: (name) => {
      const bytes = files.get(name);
      if (!bytes) return Promise.reject(new Error(`no file ${name}`));
      return Promise.resolve(pieces(bytes));
    },
  };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0, size = 1_000; from < bytes.length; from += size, size = size * 3 % 7_001) {
    await Promise.resolve();
    yield bytes.slice(from, from + size);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
