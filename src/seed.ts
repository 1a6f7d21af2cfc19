/** Takes what the environment says into the workspace, and makes the keys that nobody has set. */
import type { Role } from "../events/workspace_events.ts";
import { sha256Hex } from "./event_store/mod.ts";
import type { Engine } from "./http/mod.ts";

export interface SeedOptions {
  readonly presetKeys: Partial<Record<Role, string>>;
  readonly activeLimit: number;
  readonly timeZone: string;
}

/** Gives the secrets of the keys that it made, by role. */
export async function seed(
  { transact, models, tail, newId, newSecret }: Engine,
  { presetKeys, timeZone, activeLimit }: SeedOptions,
): Promise<Partial<Record<Role, string>>> {
  const meta = { actor: "start", commandId: newId(), traceId: newId() };
  const answer = () => ({ answer: null, success: true });
  await transact.workspace({
    command: { type: "seed", set: { timeZone, activeLimit } },
    meta,
    answer,
  });
  const newKeys: Partial<Record<Role, string>> = {};
  for (const role of ["operator", "auditor", "sdk"] as const) {
    const held = models.workspace.model.row.keys.some((key) => key.role === role);
    if (held || presetKeys[role] !== undefined) continue;
    const secret = newSecret();
    const command = {
      type: "create_key",
      keyId: `key_${newId()}`,
      name: `first ${role} key`,
      role,
      secretHash: sha256Hex(secret),
    } as const;
    await transact.workspace({ command, meta, answer });
    newKeys[role] = secret;
  }
  // Whether a key is good is read from the row, for the very first request too.
  await tail.readOwnWrites();
  return newKeys;
}
