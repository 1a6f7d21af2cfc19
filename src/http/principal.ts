/** Who is asking: `Authorization: Bearer KEY` → a role. Only hashes of keys are held. */
import type { Role } from "../../events/workspace_events.ts";
import type { KeyRow } from "../../projections/workspace.ts";
import { sha256Hex } from "../event_store/mod.ts";
import { HttpProblem } from "./problem.ts";

export interface Principal {
  readonly keyId: string;
  readonly role: Role;
}

/** Headers that were right lately, so that a busy caller's key is hashed once. */
const rememberedMax = 1_000;

export class Keyring {
  readonly #presets: ReadonlyMap<string, Principal>;
  #remembered = new Map<string, Principal>();
  #rows: readonly KeyRow[] | null = null;
  #byHash = new Map<string, Principal>();

  /** `presets`: the secrets of the configuration, by role. */
  constructor(
    presets: Partial<Record<Role, string>>,
    readonly keyRows: () => readonly KeyRow[],
  ) {
    this.#presets = new Map(
      (Object.entries(presets) as [Role, string][])
        .map(([role, secret]) => [sha256Hex(secret), { keyId: `preset-${role}`, role }]),
    );
  }

  /** Throws a 401 or 403. */
  check(authorization: string | undefined, roles: readonly Role[]): Principal {
    const principal = authorization === undefined ? undefined : this.#find(authorization);
    if (!principal) {
      throw new HttpProblem("unauthorized", "send a known key as 'Authorization: Bearer KEY'", {
        headers: { "www-authenticate": "Bearer" },
      });
    }
    if (!roles.includes(principal.role)) {
      throw new HttpProblem(
        "forbidden",
        `this needs a key with the role ${roles.join(" or ")}; this key has ${principal.role}`,
      );
    }
    return principal;
  }

  #find(authorization: string): Principal | undefined {
    const rows = this.keyRows();
    if (rows !== this.#rows) {
      this.#rows = rows;
      this.#remembered.clear();
      this.#byHash = new Map(rows.map(({ keyId, role, secretHash }) => [
        secretHash,
        { keyId, role },
      ]));
    }
    const remembered = this.#remembered.get(authorization);
    if (remembered) return remembered;
    const secret = /^bearer +(.+)$/i.exec(authorization)?.[1];
    if (secret === undefined) return undefined;
    const hash = sha256Hex(secret);
    const principal = this.#presets.get(hash) ?? this.#byHash.get(hash);
    if (principal) {
      if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
      this.#remembered.set(authorization, principal);
    }
    return principal;
  }
}
