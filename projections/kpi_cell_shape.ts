/**
 * What the interactions of a cell have in common. Cells of many rows share a few shapes: the same text
 * as their key is found faster than an equal one.
 */
import type { Platform } from "../events/workspace_events.ts";

export interface CellShape {
  readonly kind: "impression" | "click";
  readonly element: string | null;
  readonly platform: Platform;
  readonly variant: string | null;
  /** 0 for not known. */
  readonly revision: number;
}

export interface KeyedShape {
  readonly shape: CellShape;
  readonly key: string;
}

/** The shape with its key, mostly the same object for the same shape. */
export function keyedShape(shape: CellShape): KeyedShape {
  const key = shapeKey(shape);
  let known = knownShapes.get(key);
  if (!known) {
    if (knownShapes.size === knownShapesMax) knownShapes.clear();
    knownShapes.set(key, known = { shape, key });
  }
  return known;
}

const knownShapes = new Map<string, KeyedShape>();
const knownShapesMax = 10_000;

/** One text for each shape, and never the same for two. */
function shapeKey({ kind, element, platform, variant, revision }: CellShape): string {
  const texts = `${element === null ? "-" : element.length}/${element ?? ""}/${variant ?? ""}`;
  return `${kind}/${platform}/${revision}/${variant === null ? "-" : "+"}/${texts}`;
}
