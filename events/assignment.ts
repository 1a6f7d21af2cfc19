/**
 * Who sees which variant, and who is in the control group: stable, and the same wherever it is asked.
 * The subject is the user where there is one, else the device, so that a user's devices agree.
 */
import { murmur3 } from "./murmur3.ts";

/** Shares are whole hundredths of a per cent. */
const shares = 10_000;

/** The name of a subject in the hashes: `user:ID` or `device:ID`. */
export function assignmentSubject(deviceId: string, userId: string | undefined): string {
  return userId === undefined ? `device:${deviceId}` : `user:${userId}`;
}

/** Whether the subject is one of the `percent` of the audience that never sees the message. */
export function inControlGroup(campaignId: string, subject: string, percent: number): boolean {
  return percent > 0 && share("control", campaignId, subject) < percent * 100;
}

/** The key of the subject's variant; null: what the variants' weights leave sees the content itself. */
export function variantFor(
  variants: readonly { readonly key: string; readonly weight: number }[],
  campaignId: string,
  subject: string,
): string | null {
  if (variants.length === 0) return null;
  const at = share("variant", campaignId, subject);
  let below = 0;
  for (const { key, weight } of variants) {
    below += weight * 100;
    if (at < below) return key;
  }
  return null;
}

function share(purpose: string, campaignId: string, subject: string): number {
  return murmur3(`${purpose}/${campaignId}/${subject}`) % shares;
}
