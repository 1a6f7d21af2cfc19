/** What can happen to the workspace itself. Its stream is `workspace`. */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const workspaceStream = "workspace";

export const platforms = ["web", "android", "ios"] as const;
export type Platform = (typeof platforms)[number];

export const roles = ["operator", "auditor", "sdk"] as const;
export type Role = (typeof roles)[number];

const workspaceSettings = z.strictObject({
  platforms: z.array(z.enum(platforms)).optional(),
  timeZone: z.string().optional(),
  activeLimit: z.int().min(1).optional(),
});

export const workspaceEventSchemas = {
  /** Settings taken from the environment at a start; a later `workspace_changed` wins over them. */
  workspace_seeded: z.strictObject({ set: workspaceSettings }),
  workspace_changed: z.strictObject({ set: workspaceSettings }),
  /** `secretHash` is the SHA-256 (hex) of a secret with 256 random bits; the secret is kept nowhere. */
  key_created: z.strictObject({
    keyId: z.string(),
    name: z.string(),
    role: z.enum(roles),
    secretHash: z.string().length(64),
  }),
  key_revoked: z.strictObject({ keyId: z.string() }),
};

type Schemas = typeof workspaceEventSchemas;
export type WorkspaceEvent = {
  [Type in keyof Schemas]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas];
