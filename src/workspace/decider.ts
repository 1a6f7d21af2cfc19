/** The rules of the workspace: its settings and its keys. */
import type { Platform, Role, WorkspaceEvent } from "../../events/workspace_events.ts";
import { type Decider, refuse } from "../decider.ts";

/** The highest active limit that a workspace may have. */
export const activeLimitMax = 1_000;

export interface WorkspaceSettings {
  readonly platforms: readonly Platform[];
  /** IANA name. */
  readonly timeZone: string;
  readonly activeLimit: number;
}

export interface WorkspaceState {
  readonly settings: WorkspaceSettings;
  /** The settings that an operator has set: the environment does not change those any more. */
  readonly patched: readonly (keyof WorkspaceSettings)[];
  readonly keys: Readonly<Record<string, { readonly name: string; readonly role: Role }>>;
}

export type WorkspaceCommand =
  /** At a start: what the environment says. */
  | { readonly type: "seed"; readonly set: Pick<WorkspaceSettings, "timeZone" | "activeLimit"> }
  | { readonly type: "change"; readonly set: Partial<WorkspaceSettings> }
  | {
    readonly type: "create_key";
    readonly keyId: string;
    readonly name: string;
    readonly role: Role;
    readonly secretHash: string;
  }
  | { readonly type: "revoke_key"; readonly keyId: string };

export type WorkspaceRefusalCode = "key_revoked";

export const workspaceDecider: Decider<
  WorkspaceCommand,
  WorkspaceState,
  WorkspaceEvent,
  unknown,
  WorkspaceRefusalCode
> = {
  // The server serves the web SDK itself, so `web` is set up from the start.
  initial: {
    settings: { platforms: ["web"], timeZone: "UTC", activeLimit: 30 },
    patched: [],
    keys: {},
  },

  decide(command, state) {
    switch (command.type) {
      case "seed": {
        const free = Object.entries(command.set)
          .filter(([name]) => !state.patched.includes(name as keyof WorkspaceSettings));
        const set = changed(state.settings, Object.fromEntries(free));
        return set ? [{ type: "workspace_seeded", schema: 1, data: { set } }] : [];
      }
      case "change": {
        // A value that equals the seeded one is still the operator's word from now on.
        const fresh = Object.keys(command.set)
          .some((name) => !state.patched.includes(name as keyof WorkspaceSettings));
        const set = fresh ? command.set : changed(state.settings, command.set);
        if (!set || Object.keys(set).length === 0) return [];
        return [{ type: "workspace_changed", schema: 1, data: { set: mutable(set) } }];
      }
      case "create_key": {
        const { keyId, name, role, secretHash } = command;
        return [{ type: "key_created", schema: 1, data: { keyId, name, role, secretHash } }];
      }
      case "revoke_key":
        return Object.hasOwn(state.keys, command.keyId)
          ? [{ type: "key_revoked", schema: 1, data: { keyId: command.keyId } }]
          : refuse("key_revoked", "this key is revoked already");
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case "workspace_seeded":
        return { ...state, settings: { ...state.settings, ...event.data.set } };
      case "workspace_changed":
        return {
          ...state,
          settings: { ...state.settings, ...event.data.set },
          patched: [
            ...new Set([
              ...state.patched,
              ...Object.keys(event.data.set) as (keyof WorkspaceSettings)[],
            ]),
          ],
        };
      case "key_created": {
        const { keyId, name, role } = event.data;
        return { ...state, keys: { ...state.keys, [keyId]: { name, role } } };
      }
      case "key_revoked": {
        const { [event.data.keyId]: _, ...keys } = state.keys;
        return { ...state, keys };
      }
    }
  },
};

function changed(settings: WorkspaceSettings, set: Partial<WorkspaceSettings>) {
  const different = Object.entries(set).filter(([name, value]) =>
    JSON.stringify(settings[name as keyof WorkspaceSettings]) !== JSON.stringify(value)
  );
  return different.length > 0 ? mutable(Object.fromEntries(different)) : null;
}

function mutable(set: Partial<WorkspaceSettings>) {
  const { platforms, ...rest } = set;
  return { ...rest, ...(platforms ? { platforms: [...platforms] } : {}) };
}
