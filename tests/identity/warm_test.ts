/** Warming the register while ids are being assigned gives no id a second number. */
import { assertEquals } from "@std/assert";
import { IdentityRegister } from "../../src/identity/mod.ts";

const idCount = 3_000;

Deno.test("register: ids that are warmed while they are assigned keep their numbers", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    const ids = Array.from({ length: idCount }, (_, index) => `id${index}`);
    const numbers = await new IdentityRegister(kv).assign("device", ids);
    // One id more or less at the end of the warming is enough to go wrong, so every length is tried.
    for (let round = 0; round < 40; round++) {
      const register = new IdentityRegister(kv);
      const warmed = register.warm();
      for (let first = 0; first < idCount; first += 200 + round) {
        const some = ids.slice(first, first + 200 + round);
        const again = await register.assign("device", some);
        for (const id of some) assertEquals(again.get(id), numbers.get(id), id);
      }
      await warmed;
      for (const id of ids) assertEquals(register.known("device", id), numbers.get(id), id);
    }
  } finally {
    kv.close();
  }
});
