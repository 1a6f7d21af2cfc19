/**
 * What proves the log (C2SP tlog-tiles): signed checkpoint, verifier key, tiles of hashes, bundles of
 * entries. Third-party tools send no key, so a deployment may open these to everybody.
 */
import { z } from "zod";
import { parseTilePath, type Tile, tileWidth } from "../../audit/tlog/mod.ts";
import {
  type CommandAnswer,
  commandCall,
  commandResponse,
  jsonBody,
  notFound,
  parseBody,
  readCommandBody,
  reasonLengthMax,
} from "../command.ts";
import type { Engine } from "../engine.ts";
import { positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";

const tag = "Audit";
const rotationBody = z.strictObject({ reason: z.string().trim().min(1).max(reasonLengthMax) });
const rotationSchema = z.strictObject({ from: z.string(), to: z.string() });
const octets = "application/octet-stream";
/** Deep enough for 256 × 10^12 entries. */
const tileDepthMax = 4;

export function auditRoutes(engine: Engine, isPublic: boolean): Route[] {
  const { models, proof, tail, reader } = engine;
  const roles = isPublic ? "public" as const : ["operator", "auditor"] as const;
  const immutable = `${isPublic ? "public" : "private"}, max-age=31536000, immutable`;
  const headers = ["Placard-Position"];

  /** The bytes of a tile; null where the tree has not so much. */
  const tileBytes = async ({ level, index, width }: Tile): Promise<Uint8Array | null> => {
    const { model } = models.notary;
    if (level !== "entries") return await model.tile(level, index, width);
    // The tile of the leaves' hashes is there when they are.
    if (await model.tile(0, index, width) === null) return null;
    const start = await model.bundleStart(index);
    return start === null ? null : await bundle(start, width);
  };

  const bundle = async (start: string, width: number): Promise<Uint8Array> => {
    const encoder = new TextEncoder();
    const lines: Uint8Array[] = [];
    for await (const { events } of reader.readRowsFrom(start, () => false)) {
      for (const { position, line } of events) {
        if (position >= start && lines.length < width) lines.push(encoder.encode(line!()));
      }
      if (lines.length >= width) break;
    }
    const bytes = new Uint8Array(lines.reduce((sum, { length }) => sum + 2 + length, 0));
    const view = new DataView(bytes.buffer);
    let offset = 0;
    for (const line of lines) {
      view.setUint16(offset, line.length);
      bytes.set(line, offset + 2);
      offset += 2 + line.length;
    }
    return bytes;
  };

  const handleTile = async ({ context }: Call<unknown>) => {
    const path = context.req.path.slice("/v1/audit/tile/".length);
    const tile = parseTilePath(path);
    if (!tile) throw notFound();
    await tail.readOwnWrites();
    engine.projector.assertFolding(models.notary);
    let bytes = await tileBytes(tile);
    if (!bytes) {
      // Another instance may have told of a tree that this one has not read yet.
      await tail.poll();
      bytes = await tileBytes(tile);
    }
    if (!bytes) throw notFound();
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: {
        "content-type": octets,
        "cache-control": immutable,
        ...positionHeader(tail.cursor.position),
      },
    });
  };

  const tileRoutes = Array.from({ length: tileDepthMax }, (_, depth) => {
    const path = ["{level}", "{a}", "{b}", "{c}", "{d}"].slice(0, depth + 2).join("/");
    return route({
      method: "get",
      path: `/v1/audit/tile/${path}`,
      tag,
      summary: depth === 0 ? "A tile of the transparency log" : "A tile with a longer path",
      description:
        `Hashes of up to ${tileWidth} subtrees, or with \`entries\` as level the entries ` +
        "themselves, each after its length in two bytes. C2SP tlog-tiles says how paths are formed.",
      roles,
      answers: {
        200: { description: "The tile", schema: z.string(), mediaType: octets, headers },
      },
      problems: [404],
      handle: handleTile,
    });
  });

  const text = (body: string, position: string) =>
    new Response(body, {
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        ...positionHeader(position),
      },
    });

  return [
    route({
      method: "get",
      path: "/v1/audit/checkpoint",
      tag,
      summary: "The transparency log's newest checkpoint",
      description: "A signed note (C2SP tlog-checkpoint) over all events so far.",
      roles,
      query: z.strictObject(readQuery),
      answers: {
        200: { description: "A signed note", schema: z.string(), mediaType: "text/plain", headers },
      },
      handle: async ({ query }) => {
        const position = await prepareRead(engine, [models.notary, models.states], query.after);
        return text((await proof.checkpoints.current()).note, position);
      },
    }),
    route({
      method: "get",
      path: "/v1/audit/key",
      tag,
      summary: "The key that checkpoints are verified with",
      description: "In the form of signed notes: name+hash+base64.",
      roles,
      query: z.strictObject(readQuery),
      answers: {
        200: { description: "The key", schema: z.string(), mediaType: "text/plain", headers },
      },
      handle: async ({ query }) => {
        const position = await prepareRead(engine, [models.states], query.after);
        return text(`${proof.keys.currentKey}\n`, position);
      },
    }),
    route({
      method: "post",
      path: "/v1/audit/key/rotate",
      tag,
      summary: "Replace the key that signs checkpoints",
      description:
        "The old key signs the new one, in an event of the stream `notary`, with the reason.",
      roles: ["operator"],
      body: { schema: rotationBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: {
        200: { description: "The keys before and after", schema: rotationSchema, headers },
      },
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody);
        const { reason } = parseBody(rotationBody, body);
        const { meta, remember } = commandCall(engine, call, body, reason);
        const outcome = await proof.keys.rotate<CommandAnswer>({
          meta,
          remember,
          answer: (rotation) => ({
            status: 200,
            headers: { "content-type": "application/json" },
            body: JSON.stringify(rotation),
          }),
        });
        // The next checkpoint is by the new key.
        await tail.readOwnWrites();
        return commandResponse(outcome);
      },
    }),
    ...tileRoutes,
  ];
}
