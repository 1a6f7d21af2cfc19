/** Audiences: rules and who is meant by them. */
export { type CompiledRule, compileRule, conditionsHold } from "./rule.ts";
