/** Device and user ids ↔ numbers. */
export { type IdentityKind, IdentityRegister } from "./register.ts";
