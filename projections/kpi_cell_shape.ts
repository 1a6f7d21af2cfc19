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
    if (knownShapes.size === shapesMax) knownShapes.clear();
    knownShapes.set(key, known = { shape, key });
  }
  return known;
}

/** Shapes by number: rows that are read mostly have the texts of the one before. */
export const shapesOfTexts = {
  texts: "",
  shapes: new Map<number, KeyedShape>(),
  get(texts: string, number: number, make: () => KeyedShape): KeyedShape {
    if (texts !== this.texts || this.shapes.size > shapesMax) {
      this.texts = texts;
      this.shapes.clear();
    }
    let shape = this.shapes.get(number);
    if (!shape) this.shapes.set(number, shape = make());
    return shape;
  },
};

const knownShapes = new Map<string, KeyedShape>();
const shapesMax = 10_000;

/** One text for each shape, and never the same for two. */
function shapeKey({ kind, element, platform, variant, revision }: CellShape): string {
  const texts = `${element === null ? "-" : element.length}/${element ?? ""}/${variant ?? ""}`;
  return `${kind}/${platform}/${revision}/${variant === null ? "-" : "+"}/${texts}`;
}
