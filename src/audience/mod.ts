/** Audiences: those to whom campaigns may be shown. The rules are pure. */
export {
  type AudienceCommand,
  type AudienceContext,
  audienceDecider,
  type AudienceRefusalCode,
  audienceRefusalCodes,
  type AudienceState,
  exists as audienceStateExists,
} from "./decider.ts";
export { type CompiledRule, compileRule, conditionsHold } from "./rule.ts";
