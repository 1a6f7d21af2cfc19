/** The workspace's settings, and who may come in with which key. */
import type { Role, WorkspaceEvent } from "../events/workspace_events.ts";
import { type Platform, workspaceStream } from "../events/workspace_events.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

export interface KeyRow {
  readonly keyId: string;
  readonly name: string;
  readonly role: Role;
  readonly secretHash: string;
  readonly createdAtMs: number;
}

export interface WorkspaceRow {
  readonly version: number;
  readonly platforms: readonly Platform[];
  readonly timeZone: string;
  readonly activeLimit: number;
  readonly keys: readonly KeyRow[];
}

const emptyRow: WorkspaceRow = {
  version: 0,
  platforms: ["web"],
  timeZone: "UTC",
  activeLimit: 30,
  keys: [],
};

export const workspaceFold: RowFold<WorkspaceRow> = {
  name: "workspace",
  revision: 1,

  rowKey: ({ stream }) => stream === workspaceStream ? workspaceStream : undefined,

  fold(row = emptyRow, recorded) {
    const event = recorded.event as WorkspaceEvent;
    const next = { ...row, version: recorded.version };
    switch (event.type) {
      case "workspace_seeded":
      case "workspace_changed":
        return { ...next, ...event.data.set };
      case "key_created":
        return { ...next, keys: [...row.keys, { ...event.data, createdAtMs: recorded.timeMs }] };
      case "key_revoked":
        return { ...next, keys: row.keys.filter(({ keyId }) => keyId !== event.data.keyId) };
    }
    throw new Error(`nobody knows the event ${(event as { type: string }).type}`);
  },
};

export class WorkspaceProjection extends RowProjection<WorkspaceRow> {
  constructor() {
    super(workspaceFold);
  }

  get row(): WorkspaceRow {
    return this.rows.get(workspaceStream) ?? emptyRow;
  }
}
