/** How many pasts are folded and kept, and who has to come back later. */
import { assert, assertEquals } from "@std/assert";
import { upcast } from "../../events/upcast.ts";
import { cursorAtStart, openLog } from "../../src/event_store/mod.ts";
import { type PastModels, Pasts, PastsBusyError } from "../../src/past/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { type TestServer, withServer } from "../support/server.ts";

const content = { kpi: false, members: false };

async function places({ placard }: TestServer) {
  const found: { position: string; clockMs: number; instantMs: null }[] = [];
  for await (const { events } of placard.engine.reader.read(cursorAtStart)) {
    for (const { position, timeMs } of events) {
      found.push({ position, clockMs: timeMs, instantMs: null });
    }
  }
  return found;
}

Deno.test("equal questions share a fold; of too many different ones some are sent away", () =>
  withServer(async (server) => {
    for (let nth = 0; nth < 20; nth++) await server.draft();
    const all = (await places(server)).slice(-12);
    const { reader, models } = server.placard.engine;
    const pasts = new Pasts({ reader, models });
    const ask = (nth: number) =>
      pasts.all(all[nth]!, content, (past) => ({ past, count: past.campaigns.count("writing") }));
    const asked = all.flatMap((_, nth) => [ask(nth), ask(nth)]);
    const answers = await Promise.allSettled(asked);
    const told = answers.map((answer, nth) => {
      if (answer.status === "fulfilled") {
        assertEquals(answer.value.count, 9 + Math.floor(nth / 2));
        return "answered";
      }
      assert(answer.reason instanceof PastsBusyError);
      return "busy";
    });
    assertEquals(told, [...Array(16).fill("answered"), ...Array(8).fill("busy")]);
    // Those that were sent away are answered when they come again.
    assertEquals((await ask(11)).count, 20);
    await pasts.close();
  }));

Deno.test("a past that somebody reads is not moved on, and few are kept", () =>
  withServer(async (server) => {
    for (let nth = 0; nth < 20; nth++) await server.draft();
    const all = (await places(server)).slice(-12);
    const { reader, models } = server.placard.engine;
    const pasts = new Pasts({ reader, models });
    const seen = new Set<PastModels>();
    let release = () => {};
    const held = new Promise<void>((done) => release = done);
    const holding = pasts.all(all[0]!, content, async (past) => {
      seen.add(past);
      await held;
      return past.campaigns.count("writing");
    });
    for (let nth = 1; nth < 12; nth++) {
      await pasts.all(all[nth]!, content, (past) => {
        assertEquals(past.campaigns.count("writing"), 9 + nth);
        seen.add(past);
      });
    }
    release();
    assertEquals(await holding, 9);
    assert(seen.size <= 3, `${seen.size} pasts were made`);
    // Backwards nothing can be moved on; the answers are the same.
    for (let nth = 11; nth >= 0; nth--) {
      const count = await pasts.all(all[nth]!, content, (past) => past.campaigns.count("writing"));
      assertEquals(count, 9 + nth);
    }
    await pasts.close();
  }));

Deno.test("a server that stops gives up what it folds", () =>
  withServer(async (server) => {
    await server.draft();
    const [first] = await places(server);
    const { reader, models } = server.placard.engine;
    const pasts = new Pasts({ reader, models });
    await pasts.close();
    const refused = await pasts.all(first!, content, () => "answered").catch((error) => error);
    assert(refused instanceof PastsBusyError);
  }));

Deno.test("reads that fail are done again, and nothing is folded twice", () =>
  withServer(async (server) => {
    for (let nth = 0; nth < 20; nth++) await server.draft();
    const { models } = server.placard.engine;
    const faulty = new FaultyKv(server.kv, { seed: 3, faults: { busy: 0.2, "throw before": 0.2 } });
    const pasts = new Pasts({ reader: await openLog(faulty.asKv(), upcast), models });
    for (const [nth, { position, clockMs }] of (await places(server)).slice(-20).entries()) {
      const place = await pasts.place(position, clockMs, () => Promise.resolve());
      const count = await pasts.all(place, content, (past) => past.campaigns.count("writing"));
      assertEquals([place.clockMs, count], [clockMs, nth + 1]);
      const ids = await pasts.all(place, content, (past) => [...past.campaigns.rowKeys()]);
      const last = ids.at(-1)!;
      const { campaigns } = await pasts.campaign(last, place);
      assertEquals(campaigns.get(last)?.version, 1);
    }
    assert(faulty.faultCount > 0);
    await pasts.close();
  }));
