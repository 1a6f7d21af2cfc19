/** What is known of devices and users, and forgetting it. */
export { attributeProblems, type Attributes, type AttributeValue } from "./attributes.ts";
export { profileDigest, type ProfileRow } from "./profile_row.ts";
export { type Profile, Profiles, type ProfileWrite, type Written } from "./profiles.ts";
