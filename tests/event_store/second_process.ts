/** The other process of `two_writers_test.ts`: adds to the shared counter, prints how many it could. */
import { Instance, range } from "./counters.ts";

const [address, commands, totalMax] = Deno.args;
const kv = await Deno.openKv(address);
const instance = await Instance.open(kv, { idPrefix: "other" });
let taken = 0;
for (const _ of range(Number(commands) / 5)) {
  const outcomes = await Promise.all(
    range(5).map(() => instance.add("shared", { totalMax: Number(totalMax) })),
  );
  taken += outcomes.filter(({ answer }) => "sum" in answer).length;
}
await instance.close();
kv.close();
console.log(taken);
