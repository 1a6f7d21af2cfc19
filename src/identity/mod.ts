/** Device and user ids ↔ numbers. */
export { type Forgetting, type IdentityKind, IdentityRegister } from "./register.ts";
