/**
 * Emmett's consumer over events that are there already; prints how many a second it takes. Appends
 * them first where there are none. Arguments: the database, how many events.
 */
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";

const [database, wanted] = process.argv.slice(2);
const count = Number(wanted);
const store = getPostgreSQLEventStore(database);
await store.schema.migrate();
const batchSize = 100;
if (!await store.streamExists("replayed-0")) {
  for (let from = 0; from < count; from += batchSize) {
    const events = Array.from({ length: batchSize }, (_, at) => ({
      type: "description_changed",
      data: { description: `edit ${from + at}` },
    }));
    await store.appendToStream(`replayed-${from}`, events);
  }
}

let handled = 0;
const startedAtMs = performance.now();
const consumer = store.consumer({ pulling: { batchSize: 1_000 } });
consumer.reactor({
  processorId: `reader-${process.pid}`,
  startFrom: "BEGINNING",
  stopAfter: () => handled >= count,
  eachMessage: () => {
    handled++;
  },
});
await consumer.start();
console.log(handled / ((performance.now() - startedAtMs) / 1000));
process.exit(0);
