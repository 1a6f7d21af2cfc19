/** `deno task rotate-key REASON`: replaces the key that signs the transparency log's checkpoints. */
import { upcast } from "../../events/upcast.ts";
import { openProof } from "../audit/mod.ts";
import { openLog, Tail, Writer } from "../event_store/mod.ts";
import { mountedModels } from "../placard.ts";
import { Projector } from "../projector/mod.ts";
import { openStore, runTask, TaskError } from "./open_store.ts";

await runTask(async () => {
  const reason = Deno.args.join(" ").trim();
  if (reason === "") throw new TaskError("usage: deno task rotate-key REASON");
  const kv = await openStore();
  try {
    const newId = () => crypto.randomUUID().replaceAll("-", "");
    const reader = await openLog(kv, upcast);
    const { states, notary } = mountedModels(kv);
    const projector = new Projector(reader, [states]);
    const tail = new Tail(reader, await projector.load(), () => false);
    projector.follow(tail);
    const writer = new Writer({
      kv,
      epoch: reader.epoch,
      tail,
      states: states.model,
      nowMs: Date.now,
      newId,
      assertFolding: () => projector.assertFolding(states),
    });
    const { keys } = await openProof({
      kv,
      tail,
      states: states.model,
      writer,
      model: () => notary.model,
      newSecret: () => crypto.getRandomValues(new Uint8Array(32)).toHex(),
    });
    const meta = { actor: "task", commandId: newId(), traceId: newId(), reason };
    const { answer } = await keys.rotate({ meta, answer: (rotation) => rotation });
    await writer.idle();
    await tail.close();
    console.log(`checkpoints are now signed by\n${answer.to}\ninstead of\n${answer.from}`);
    return 0;
  } finally {
    kv.close();
  }
});
