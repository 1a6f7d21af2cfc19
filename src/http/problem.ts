/** Errors as `application/problem+json` (RFC 9457): one table from every code to its status. */
import type { AudienceRefusalCode } from "../audience/mod.ts";
import type { CampaignRefusalCode } from "../campaign/mod.ts";
import type { Problem } from "../decider.ts";
import type { WorkspaceRefusalCode } from "../workspace/mod.ts";

const faultStatus = {
  malformed_json: 400,
  malformed_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_a_list: 409,
  version_mismatch: 412,
  body_too_large: 413,
  settings_too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  idempotency_key_reused: 422,
  period_not_aligned: 422,
  invalid_session: 422,
  internal_error: 500,
  body_not_received: 503,
  overloaded: 503,
  store_unavailable: 503,
  projection_stopped: 503,
  position_not_reached: 503,
} as const;

/** Refused by a rule of the domain; does not compile with one missing. */
const refusalStatus: Record<
  AudienceRefusalCode | CampaignRefusalCode | WorkspaceRefusalCode,
  409
> = {
  audience_in_use: 409,
  campaign_ended: 409,
  audience_locked: 409,
  start_locked: 409,
  type_locked: 409,
  end_in_past: 409,
  campaign_incomplete: 409,
  platform_not_set_up: 409,
  not_writing: 409,
  already_active: 409,
  active_limit_reached: 409,
  not_active: 409,
  already_stopped: 409,
  not_stopped: 409,
  not_posting: 409,
  key_revoked: 409,
};

export type ProblemCode = keyof typeof faultStatus | keyof typeof refusalStatus;
export const statusByCode: Readonly<Record<ProblemCode, number>> = {
  ...faultStatus,
  ...refusalStatus,
};

/** An answer that says what is wrong and what to do next; thrown by whoever finds it. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly more: {
      readonly errors?: readonly Problem[];
      readonly members?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(detail);
  }

  get status(): number {
    return statusByCode[this.code];
  }

  get body(): string {
    return JSON.stringify({
      type: `/docs/problems#${this.code}`,
      title: this.code.replaceAll("_", " "),
      status: this.status,
      detail: this.detail,
      code: this.code,
      ...(this.more.errors ? { errors: this.more.errors } : {}),
      ...this.more.members,
    });
  }

  get headers(): Record<string, string> {
    return {
      "content-type": "application/problem+json",
      ...(this.status === 503 ? { "retry-after": "1" } : {}),
      ...this.more.headers,
    };
  }

  response(): Response {
    return new Response(this.body, { status: this.status, headers: this.headers });
  }
}

export function invalidInput(errors: readonly Problem[]): HttpProblem {
  const tooLarge = errors.find(({ code }) => code === "settings_too_large");
  if (tooLarge) return new HttpProblem("settings_too_large", tooLarge.message, { errors });
  const shown = errors.slice(0, 3).map(({ pointer, message }) => `${pointer || "/"}: ${message}`);
  return new HttpProblem("invalid", shown.join("; "), { errors });
}
