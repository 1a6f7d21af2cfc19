/**
 * Paths to attributes, such as `user.firstName`, as rules and placeholders name them. Steps that
 * reach into JavaScript's own objects are never a path.
 */

export const attributePathLengthMax = 200;

const step = "[\\p{L}\\p{N}_$][\\p{L}\\p{N}_$:@-]*";
const path = new RegExp(`^${step}(?:\\.${step})*$`, "u");
const forbiddenSteps = /(?:^|\.)(?:__proto__|prototype|constructor)(?:\.|$)/;

export function isAttributePath(text: string): boolean {
  return text.length <= attributePathLengthMax && path.test(text) && !forbiddenSteps.test(text);
}
