/**
 * Random histories: an answer as of a position is the answer of read models folded to just there, as of
 * an instant the one that was given then, and neither changes with a restart.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { cursorAtStart } from "../../src/event_store/mod.ts";
import { createApp, type Engine, Keyring } from "../../src/http/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { openTestServer, presetKeys, type TestServer } from "../support/server.ts";
import { asOf, history, questions, take, type World } from "./history_world.ts";

const positionsPerRun = 50;
const runs = 4;

/** What an answer is made of; all of it has to be the same. */
interface Told {
  readonly status: number;
  readonly position: string | null;
  readonly etag: string | null;
  readonly text: string;
}

function told(status: number, headers: Headers, text: string): Told {
  return {
    status,
    // A problem reflects nothing.
    position: headers.get("placard-position"),
    etag: headers.get("etag"),
    text,
  };
}

async function ask(server: TestServer, path: string): Promise<Told> {
  const { status, headers, text } = await server.request("GET", path, { role: "auditor" });
  return told(status, headers, text);
}

/** The very routes, over read models that are folded from nothing to one position after another. */
class FreshReplay {
  readonly #models;
  readonly #cursor = { position: "", timeMs: 0 };
  readonly #app: ReturnType<typeof createApp>;

  constructor(readonly server: TestServer) {
    const { engine } = server.placard;
    this.#models = mountedModels(server.kv);
    const alone = {
      ...engine,
      models: this.#models,
      tail: { cursor: this.#cursor, readOwnWrites: () => Promise.resolve() },
      scheduler: { settle: () => Promise.resolve() },
      projector: { assertFolding: () => {} },
    } as unknown as Engine;
    this.#app = createApp({
      engine: alone,
      keyring: new Keyring(presetKeys, () => []),
      publicAudit: false,
      onBug: (error) => {
        throw error;
      },
    });
  }

  async foldThrough(position: string): Promise<void> {
    const before = this.#cursor.position;
    for await (const { events } of this.server.placard.engine.reader.read(cursorAtStart)) {
      for (const recorded of events) {
        if (recorded.position <= before || recorded.position > position) continue;
        for (const { model } of Object.values(this.#models)) model.fold(recorded);
        Object.assign(this.#cursor, { position: recorded.position, timeMs: recorded.timeMs });
      }
    }
  }

  async ask(path: string): Promise<Told> {
    const headers = { authorization: `Bearer ${presetKeys.auditor}` };
    const response = await this.#app.request(path, { headers });
    return told(response.status, response.headers, await response.text());
  }
}

async function allPositions({ placard }: TestServer): Promise<string[]> {
  const positions: string[] = [];
  for await (const { events } of placard.engine.reader.read(cursorAtStart, () => false)) {
    positions.push(...events.map(({ position }) => position));
  }
  return positions;
}

Deno.test("as of 200 random positions every answer is that of a fresh replay", async () => {
  const places = fc.array(fc.nat(), { minLength: positionsPerRun, maxLength: positionsPerRun });
  await fc.assert(
    fc.asyncProperty(history, places, async (steps, nths) => {
      const kv = await Deno.openKv(":memory:");
      let server = await openTestServer({ kv, checkedShare: 20 });
      try {
        const world: World = { campaigns: [], audiences: [] };
        for (const [nth, step] of steps.entries()) {
          await take(server, world, step);
          // What is stored by then is read from the live rows.
          if (nth % 25 === 0) await server.placard.engine.projector.flush();
        }
        const clock = new Date(server.nowMs()).toISOString();
        const log = await allPositions(server);
        const asked = [...new Set(nths.map((nth) => log[nth % log.length]!))];
        const replay = new FreshReplay(server);
        const expected = new Map<string, Map<string, Told>>();
        for (const [turn, position] of asked.toSorted().entries()) {
          await replay.foldThrough(position);
          const answers = new Map<string, Told>();
          for (const path of questions(world, turn)) answers.set(path, await replay.ask(path));
          expected.set(position, answers);
        }
        // In no order, so that pasts are begun anew and moved on; the last ones after a restart.
        for (const [nth, position] of asked.entries()) {
          if (nth === Math.floor(asked.length * 0.8)) {
            await server.close();
            server = await openTestServer({ kv, clock, checkedShare: 20 });
          }
          for (const [path, answer] of expected.get(position)!) {
            assertEquals(await ask(server, asOf(path, position)), answer, asOf(path, position));
          }
        }
      } finally {
        await server.close();
        kv.close();
      }
    }),
    { numRuns: runs, endOnFailure: true },
  );
});

Deno.test("as of an instant every answer is the one that was given then", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const kv = await Deno.openKv(":memory:");
      let server = await openTestServer({ kv, checkedShare: 20 });
      try {
        const world: World = { campaigns: [], audiences: [] };
        const given: { instant: string; answers: Map<string, Told> }[] = [];
        for (const [nth, step] of steps.entries()) {
          await take(server, world, step);
          if (nth % 6 !== 5) continue;
          // A snapshot may be on its way, and would be recorded at this very instant.
          await settled(server);
          const answers = new Map<string, Told>();
          for (const path of questions(world, nth)) answers.set(path, await ask(server, path));
          given.push({ instant: new Date(server.nowMs()).toISOString(), answers });
          server.advance(1);
        }
        server.advance(2_000);
        const check = async () => {
          for (const { instant, answers } of given) {
            for (const [path, answer] of answers) {
              assertEquals(await ask(server, asOf(path, instant)), answer, asOf(path, instant));
            }
          }
        };
        await check();
        const clock = new Date(server.nowMs()).toISOString();
        await server.close();
        server = await openTestServer({ kv, clock, checkedShare: 20 });
        await check();
      } finally {
        await server.close();
        kv.close();
      }
    }),
    { numRuns: 2, endOnFailure: true },
  );
});

/** Waits until nothing is calculated any more. */
async function settled({ placard, request }: TestServer): Promise<void> {
  const { engine } = placard;
  for (;;) {
    await request("GET", "/v1/workspace");
    const { running, failing } = engine.preparations.counts;
    const preparing = engine.models.campaigns.model.active()
      .filter(({ status, snapshotId }) => status === "preparing_to_publish" && snapshotId === null);
    if (running === 0 && preparing.length === 0) return;
    if (failing > 0) throw new Error("a calculation fails");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
