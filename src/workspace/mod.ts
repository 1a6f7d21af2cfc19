/** The workspace's settings and keys. */
export {
  activeLimitMax,
  type WorkspaceCommand,
  workspaceDecider,
  type WorkspaceRefusalCode,
  type WorkspaceSettings,
  type WorkspaceState,
} from "./decider.ts";
