/**
 * Lengths as a reader sees them: user-perceived characters (Unicode grapheme clusters), so that an
 * emoji made of eleven code units counts once.
 */

/** Enough for the longest emoji; more code units than that per grapheme is stacked marks. */
const codeUnitsPerGraphemeMax = 20;

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
// deno-lint-ignore no-control-regex -- ASCII is what is meant
const asciiWithoutReturn = /^[\x00-\x0c\x0e-\x7f]*$/;

/** Whether `text` is longer than `max` graphemes. */
export function isLongerThan(text: string, max: number): boolean {
  if (text.length <= max) return false;
  if (text.length > max * codeUnitsPerGraphemeMax) return true;
  if (asciiWithoutReturn.test(text)) return true;
  let count = 0;
  for (const _ of segmenter.segment(text)) {
    if (++count > max) return true;
  }
  return false;
}

const visible = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether nothing of `text` can be seen: spaces, joiners and other marks without a glyph. */
export function isBlank(text: string): boolean {
  return !visible.test(text);
}
