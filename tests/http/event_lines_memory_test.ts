/** A hundred thousand events as lines: the log is read as the caller takes them, and no further. */
import { assert, assertEquals } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { encodeEvent, encodeRow } from "../../src/event_store/log_row.ts";
import { presetKeys, withServer } from "../support/server.ts";

const rows = 5_000;
const eventsPerRow = 20;
/** Two reads of the log are on their way, and the engine's own. */
const rowsAheadMax = 1_024;

/** A log of somebody who numbers things; no read model folds it. */
async function fill(kv: Deno.Kv): Promise<void> {
  let version = 0;
  let previousHash = "";
  for (let row = 0; row < rows;) {
    const operation = kv.atomic();
    // One row a commit has a versionstamp of its own.
    const events = Array.from({ length: eventsPerRow }, () => {
      const place = { stream: "things/1", version: ++version, previousHash };
      const event = { type: "thing_numbered", schema: 1, data: { number: version } };
      const meta = { actor: "test", commandId: `c${row}`, traceId: "t" };
      const encoded = encodeEvent(place, event, "2026-04-01T08:00:00.000Z", meta);
      previousHash = encoded.hash;
      return encoded;
    });
    row++;
    const versionstamp = row.toString(16).padStart(20, "0");
    operation.set(keys.log(1, versionstamp), encodeRow(`r${row}`, events));
    await operation.commit();
  }
}

Deno.test("lines are read as they are taken", async () => {
  const stored = await Deno.openKv(":memory:");
  await fill(stored);
  let rowsRead = 0;
  const kv = new Proxy(stored, {
    get: (target, name) => {
      if (name === "list") {
        return (selector: Deno.KvListSelector, options?: Deno.KvListOptions) => {
          const entries = target.list(selector, options);
          const counted = {
            next: async () => {
              const result = await entries.next();
              if (!result.done && result.value.key[1] === "log") rowsRead++;
              return result;
            },
            return: () => Promise.resolve({ done: true, value: undefined }),
            [Symbol.asyncIterator]: () => counted,
          };
          return counted;
        };
      }
      const member = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  await withServer(async ({ placard }) => {
    const headers = {
      authorization: `Bearer ${presetKeys.auditor}`,
      accept: "application/x-ndjson",
    };
    rowsRead = 0;
    const response = await placard.app.request("/v1/events?type=thing_numbered", { headers });
    const reader = response.body!.getReader();
    let bytes = 0, lines = 0, bytesMax = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      bytesMax = Math.max(bytesMax, value.length);
      lines += value.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
      // What is ahead of the caller does not grow, however slow it is.
      await new Promise((resolve) => setTimeout(resolve));
      assert(rowsRead <= lines / eventsPerRow + rowsAheadMax, `${rowsRead} rows at line ${lines}`);
    }
    assertEquals(lines, rows * eventsPerRow);
    assert(bytesMax < 256 * 1024);
    // One that is cut off reads no further.
    const cut = (await placard.app.request("/v1/events", { headers })).body!.getReader();
    await cut.read();
    await cut.cancel();
    const readThen = rowsRead;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert(rowsRead <= readThen + rowsAheadMax);
    assertEquals(placard.engine.eventFeed.openCount, 0);
  }, { kv, checkedShare: Infinity });
  stored.close();
});
