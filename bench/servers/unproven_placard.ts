/** The real server, but for the transparency log: no event becomes a leaf of it. */
import { NotaryProjection } from "../../projections/notary.ts";

NotaryProjection.prototype.fold = () => {};
await import("../../main.ts");
