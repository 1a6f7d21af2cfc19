/** Device and user ids ↔ numbers. */
export { type Forgetting, type IdentityKind, IdentityRegister } from "./register.ts";
export { NumberTable } from "./number_table.ts";
