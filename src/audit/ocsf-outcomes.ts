import type { ErrorReason } from '../core/errors.ts';
import type { EventOutcome } from './event.ts';

/** OCSF's `severity_id`. */
export const SEVERITY = { informational: 1, low: 2, medium: 3, high: 4 } as const;

/** OCSF's `disposition_id` of what Keyside or the tenant's KMS denied. */
const DISPOSITION = { blocked: 2, accessRevoked: 24, rejected: 25, unauthorized: 26 } as const;

/** OCSF's `action_id` of the same. */
export const ACTION_DENIED = 2;

/** How a reason is told in OCSF; a disposition makes it a denial, told with the profile `security_control`. */
interface OutcomeEntry {
  readonly severity: number;
  readonly disposition?: number;
}

/** Denials are of medium severity, what failed otherwise is low, and a fault of the daemon's own is high. */
const OUTCOMES: Readonly<Record<ErrorReason, OutcomeEntry>> = {
  REQUEST_INVALID: { severity: SEVERITY.low },
  PAYLOAD_TOO_LARGE: { severity: SEVERITY.low },
  EDEK_MALFORMED: { severity: SEVERITY.low },
  CIPHERTEXT_REJECTED: { severity: SEVERITY.medium, disposition: DISPOSITION.rejected },
  CALLER_UNAUTHENTICATED: { severity: SEVERITY.medium, disposition: DISPOSITION.unauthorized },
  CALLER_NOT_ALLOWED: { severity: SEVERITY.medium, disposition: DISPOSITION.unauthorized },
  TENANT_UNKNOWN: { severity: SEVERITY.low },
  NO_PRIMARY_KEY: { severity: SEVERITY.low },
  KEY_DISABLED_HERE: { severity: SEVERITY.medium, disposition: DISPOSITION.blocked },
  KEY_REVOKED: { severity: SEVERITY.medium, disposition: DISPOSITION.accessRevoked },
  KEY_ACCESS_DENIED: { severity: SEVERITY.medium, disposition: DISPOSITION.blocked },
  KEY_NOT_FOUND: { severity: SEVERITY.low },
  KEY_MISCONFIGURED: { severity: SEVERITY.low },
  POLICY_DENIED: { severity: SEVERITY.medium, disposition: DISPOSITION.blocked },
  KMS_THROTTLED: { severity: SEVERITY.low },
  KMS_UNAVAILABLE: { severity: SEVERITY.low },
  KMS_TIMEOUT: { severity: SEVERITY.low },
  OVERLOADED: { severity: SEVERITY.low },
  DRAINING: { severity: SEVERITY.low },
  AUDIT_UNAVAILABLE: { severity: SEVERITY.low },
  INTERNAL: { severity: SEVERITY.high },
  DEADLINE_EXCEEDED: { severity: SEVERITY.low },
  CANCELLED: { severity: SEVERITY.low },
};

/** What OCSF says of an outcome: `status_id` 1 is success, 2 failure. */
export interface OutcomeFacts {
  readonly statusId: 1 | 2;
  readonly severityId: number;
  /** Undefined: no denial. */
  readonly dispositionId: number | undefined;
}

const SUCCESS: OutcomeFacts = { statusId: 1, severityId: SEVERITY.informational, dispositionId: undefined };

const FACTS: ReadonlyMap<EventOutcome, OutcomeFacts> = new Map([
  ['OK', SUCCESS],
  ...(Object.keys(OUTCOMES) as ErrorReason[]).map((reason): [ErrorReason, OutcomeFacts] => {
    const { severity, disposition } = OUTCOMES[reason];
    return [reason, { statusId: 2, severityId: severity, dispositionId: disposition }];
  }),
]);

export function outcomeFacts(outcome: EventOutcome): OutcomeFacts {
  return FACTS.get(outcome) as OutcomeFacts;
}
