/** The workspace's settings and keys. */
export {
  type WorkspaceCommand,
  workspaceDecider,
  type WorkspaceRefusalCode,
  type WorkspaceSettings,
  type WorkspaceState,
} from "./decider.ts";
