/** How often each class has to be met beside the second model: a law proves nothing where its case never comes. */
const rules = ["status", "platform", "schedule", "audience", "exclusion", "control", "hide"];
const capsBy = (...pers: string[]) =>
  pers.flatMap((per) => ["user", "device"].map((by) => `cap_${per}_${by}`));
const changes = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]
  .concat(["Africa/Casablanca", "Africa/Cairo"])
  .flatMap((zone) => ["forward", "back"].map((way) => `near a change ${way} of ${zone}`));

const coveredMin: readonly (readonly [min: number, classes: readonly string[]])[] = [
  [10_000, [
    ...rules.flatMap((rule) => [`${rule} passes`, `${rule} fails`]),
    ...capsBy("total").flatMap((cap) => [`${cap} partly used`, `${cap} fails`]),
    "cap without a number",
    "cap: arrived late, counted",
    "cap: seen by another on this device",
    "cap: seen on another device",
    "first posted after the session began",
    "hide as the button says",
    "interaction accepted",
    "older revision of a session",
    "order by conditions",
    "order by priority",
    "order by settings changed",
    "sync with messages",
    "weekday off",
    "weekday on",
    "wrapping window after midnight",
    "wrapping window before midnight",
  ]],
  [4_000, [
    ...changes,
    ...capsBy("day").flatMap((cap) => [`${cap} partly used`, `${cap} fails`]),
    "cap: seen while it was stopped, counted",
    "hide 3d holds",
    "hide 7d holds",
    "hide forever holds",
    "hide of the device, by another user",
    "hide of the user on another device",
    "hide today holds",
    "window in a repeated time",
    "wrapping window judged by the day before",
  ]],
  [500, [
    ...capsBy("hour", "session").flatMap((cap) => [`${cap} partly used`, `${cap} fails`]),
    "cap: recorded later, not known yet",
    "claim lapsed",
    "claim not granted",
    "claim used up by its impression",
    "decide at the start: a message",
    "decide on an event: a message",
    "decide on an event: none",
    "hide 3d is over",
    "hide today is over",
    "interaction out of order",
    "interaction repeated",
    "order by id",
    "pinned revision",
    "sync with nothing",
    "validator answered 200",
    "validator answered 304",
  ]],
  [100, [
    "cap told repeated hours apart",
    "cap: ahead of its time, counted",
    "claim granted",
    "decide at the start: none",
    "claim open",
    "hide 7d is over",
    "order by test",
    "pinned revision, an older one",
    "test message",
    "the list is no longer what was frozen",
    "the past differs from now in hide",
    "the past differs from now in schedule",
    "the past differs from now in status",
  ]],
  [20, [
    ...capsBy("total", "day").map((cap) => `the past differs from now in ${cap}`),
    "claim repeated",
    "claim without a cap",
    "interaction after_end",
    "interaction in_future",
    "interaction not_posted",
    "interaction too_old",
    "server started anew",
    "test_message fails",
    "the past differs from now in audience",
  ]],
];

/** The classes that were met too rarely: how often, of how often. */
export function metTooRarely(covered: ReadonlyMap<string, number>, worldCount: number): string[] {
  return coveredMin.flatMap(([ofMany, classes]) => {
    const min = Math.floor(ofMany * worldCount / manyWorlds);
    return classes.filter((name) => (covered.get(name) ?? 0) < min)
      .map((name) => `${name}: ${covered.get(name) ?? 0} of ${min}`);
  });
}

/** The least that is to be met is of so many. */
const manyWorlds = 72;
