/** Random rules and what they are asked of. */
import fc from "fast-check";

const words = ["", "a", "b", "ab", "10", "2", "-1", "Seoul", "true", "null", "0"];
const scalar = fc.oneof(
  fc.constantFrom(...words),
  fc.integer({ min: -3, max: 12 }),
  fc.constantFrom(0.5, -0, 1e21, 3.14),
  fc.boolean(),
  fc.constant(null),
);

const variableNames = [
  "user.city",
  "user.age",
  "user.tags",
  "user.tags.length",
  "user.home.zip",
  "device.os",
  "device.list.0",
  "facts.seen.c1",
  "nothing.here",
];

const variable = fc.constantFrom(...variableNames);

/** A rule that the check takes in most cases; `inItem` when it stands in an iteration. */
function ruleOf(depth: number, inItem: boolean): fc.Arbitrary<unknown> {
  const leaf = fc.oneof(
    scalar,
    variable.map((name) => ({ var: name })),
    fc.tuple(variable, scalar).map(([name, otherwise]) => ({ var: [name, otherwise] })),
    ...(inItem ? [fc.constant({ var: "" })] : []),
    fc.array(scalar, { maxLength: 4 }),
  );
  if (depth === 0) return leaf;
  const inner = fc.oneof({ weight: 1, arbitrary: leaf }, {
    weight: 2,
    arbitrary: ruleOf(depth - 1, inItem),
  });
  const some = (operators: readonly string[], min: number, max: number) =>
    fc.tuple(fc.constantFrom(...operators), fc.array(inner, { minLength: min, maxLength: max }))
      .map(([operator, args]) => ({ [operator]: args }));
  return fc.oneof(
    some(["==", "===", "!=", "!==", ">", ">=", "/", "%", "in"], 2, 2),
    some(["<", "<="], 2, 3),
    some(["and", "or", "max", "min", "+", "*", "cat"], 1, 4),
    some(["if"], 2, 5),
    some(["-"], 1, 2),
    some(["substr"], 2, 3),
    fc.tuple(fc.constantFrom("!", "!!", "+", "cat", "-"), inner).map(([operator, arg]) => ({
      // What is a list by itself would be the list of arguments.
      [operator]: Array.isArray(arg) ? [arg] : arg,
    })),
    fc.array(variable, { minLength: 1, maxLength: 3 }).map((names) => ({ missing: names })),
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.array(variable, { maxLength: 3 }))
      .map((args) => ({ missing_some: args })),
    ...(inItem ? [] : [
      fc.tuple(fc.constantFrom("some", "all", "none"), inner, ruleOf(depth - 1, true))
        .map(([operator, list, condition]) => ({ [operator]: [list, condition] })),
    ]),
  );
}

export const rules: fc.Arbitrary<unknown> = fc.integer({ min: 0, max: 4 })
  .chain((depth) => ruleOf(depth, false));

const attributes = fc.record({
  city: scalar,
  age: scalar,
  tags: fc.oneof(fc.array(scalar, { maxLength: 6 }), scalar),
  home: fc.oneof(fc.record({ zip: scalar }), scalar),
}, { requiredKeys: [] });

export const data: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({
    user: attributes,
    device: fc.record({ os: scalar, list: fc.array(scalar, { maxLength: 3 }) }, {
      requiredKeys: [],
    }),
    facts: fc.record({ seen: fc.record({ c1: fc.boolean() }) }),
  }, { requiredKeys: [] }),
  fc.jsonValue(),
);
