/** Runs projections: fold, checkpoint, rebuild, compare. */
export { Mounted } from "./mounted.ts";
export { ProjectionStoppedError, Projector } from "./projector.ts";
export { type Checkpoint, type Live, Slot } from "./slot.ts";
