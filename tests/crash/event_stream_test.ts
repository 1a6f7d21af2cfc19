/** Followers of the log over real connections, cut off by themselves, by stops and by kills. */
import { assert, assertEquals } from "@std/assert";
import { minimal } from "../events/settings_examples.ts";
import { seed } from "../support/engines.ts";
import { mulberry32 } from "../support/faulty_kv.ts";
import { processKeys, ServerProcess, sleep, until, withFolder } from "../support/process.ts";
import { messagesOf } from "../support/sse.ts";

const cuts = 50;
const messagesPerCutMax = 60;
const editors = 4;

class Follower {
  readonly lines: string[] = [];
  #last: string | null = null;

  /** Takes so many messages, or as many as come until the connection ends. */
  async follow(server: ServerProcess, count: number): Promise<void> {
    const wanted = this.lines.length + count;
    try {
      const response = await fetch(`http://127.0.0.1:${server.port}/v1/events`, {
        headers: {
          authorization: `Bearer ${processKeys.auditor}`,
          accept: "text/event-stream",
          ...(this.#last === null ? {} : { "last-event-id": this.#last }),
        },
      });
      assertEquals(response.status, 200);
      for await (const message of messagesOf(response.body!)) {
        if (message === null) continue;
        this.lines.push(message.data);
        this.#last = message.id;
        if (this.lines.length === wanted) break;
      }
    } catch (error) {
      // The connection broke.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** Sends what it is told until it is over, whether there is a server or not. */
async function busy(isOver: () => boolean, send: (number: number) => Promise<unknown>) {
  for (let number = 0; !isOver(); number++) {
    await send(number).catch((error) => {
      if (!(error instanceof TypeError)) throw error;
    });
    await sleep(5);
  }
}

Deno.test("who follows the log misses nothing and gets nothing twice, however it is cut off", () =>
  withFolder(async (folder) => {
    const options = { kv: `${folder}/placard.kv` };
    const random = mulberry32(seed);
    let server = await ServerProcess.start(options);
    const ids = await Promise.all(Array.from({ length: editors }, async () => {
      const body = minimal.modal_text;
      return (await server.expect(201, "POST", "/v1/campaigns", { body })).json.id;
    }));
    let over = false;
    const load = [
      ...ids.map((id) =>
        busy(
          () => over,
          (number) =>
            server.call("PATCH", `/v1/campaigns/${id}`, { body: { priority: number % 100 } }),
        )
      ),
      busy(() => over, (number) => {
        const deviceId = `d${number % 50}`;
        const interaction = {
          id: `i${number}`,
          kind: "event",
          name: "seen",
          platform: "web",
          deviceId,
        };
        const occurredAt = new Date().toISOString();
        const body = { interactions: [{ ...interaction, occurredAt }] };
        return server.call("POST", "/v1/interactions", { body });
      }),
    ];
    const follower = new Follower();
    let restarts = 0, kills = 0;
    try {
      for (let cut = 0; cut < cuts; cut++) {
        if (cut % 5 < 4) {
          await follower.follow(server, 1 + Math.floor(random() * messagesPerCutMax));
          continue;
        }
        const before = follower.lines.length;
        const following = follower.follow(server, Infinity);
        await until("messages come", () => follower.lines.length > before + 3);
        if (cut % 10 === 9) {
          await server.kill();
          kills++;
        } else {
          await server.stop();
          restarts++;
        }
        await following;
        server = await ServerProcess.start(options);
      }
      over = true;
      await Promise.all(load);
      assert(restarts >= 5 && kills >= 5);
      const accept = "application/x-ndjson";
      const text = (await server.expect(200, "GET", "/v1/events", { headers: { accept } })).text;
      const all = text.split("\n").slice(0, -1);
      if (follower.lines.length < all.length) {
        await follower.follow(server, all.length - follower.lines.length);
      }
      assertEquals(follower.lines.slice(0, all.length), all);
      const paged: string[] = [];
      for (let cursor: string | null = ""; cursor !== null;) {
        const path: string = `/v1/events?limit=200${cursor && `&cursor=${cursor}`}`;
        const page = await server.expect(200, "GET", path);
        paged.push(...page.json.items.map((item: unknown) => JSON.stringify(item)));
        cursor = page.json.nextCursor;
      }
      assertEquals(paged.slice(0, all.length), all);
      const fresh = new Follower();
      await fresh.follow(server, all.length);
      assertEquals(fresh.lines, all);
      // Those that were cut off have left nothing behind.
      await until("no stream is open", async () => {
        const { text } = await server.call("GET", "/metrics");
        return /^placard_event_streams 0$/m.test(text);
      });
      await server.stop();
    } finally {
      over = true;
      await server.kill();
      await Promise.allSettled(load);
    }
  }));
