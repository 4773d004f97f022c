import { type Actor, type ErrorReason, reasonEntry } from '../core/errors.ts';
import { WHAT_TO_DO_BY_PROVIDER } from './advice-by-provider.ts';

/** Who can mend a failure, and how. */
export interface Advice {
  readonly who: string;
  readonly todo: string;
}

/** The actors of the table of reasons, as a person at a shell knows them. */
const WHO: Readonly<Record<Actor, string>> = {
  caller: 'for whoever calls',
  operator: 'for whoever runs the daemon',
  customer: 'for the tenant',
  'customer or operator': 'for the tenant or whoever runs the daemon',
  weather: 'may pass by itself, else for whoever runs the daemon',
  us: 'for the makers of Keyside',
};

/** What to do about each reason, whatever the kind of KMS. */
const WHAT_TO_DO: Readonly<Record<ErrorReason, string>> = {
  REQUEST_INVALID: 'correct the field that the message names',
  PAYLOAD_TOO_LARGE: 'split the document, or raise the limit that the message names below `limits` of the configuration',
  EDEK_MALFORMED: 'give the edek as it was stored: whole, and not that of another system',
  CIPHERTEXT_REJECTED: 'give the tenant, context and label with which it was encrypted, and the bytes as they were stored',
  CALLER_UNAUTHENTICATED: 'give the token of a configured caller with --token-file or KEYSIDE_TOKEN_FILE',
  CALLER_NOT_ALLOWED: "add the tenant or the operation to the caller's entry below `callers` of the configuration",
  TENANT_UNKNOWN: 'check the spelling, or add the tenant to the tenants files',
  NO_PRIMARY_KEY: 'give one of its keys `state: primary` in the tenants file',
  KEY_DISABLED_HERE: 'set the `state` of the key in the tenants file to active or primary, if its data is to be used again',
  KEY_REVOKED: 'enable the key in its KMS, or cancel its deletion, if its data is to be used again; until then the data is dark',
  KEY_ACCESS_DENIED: "allow the daemon's identity to wrap, unwrap and describe the key in its KMS",
  KEY_NOT_FOUND: 'check the name of the key in the tenants file; where the key was deleted, its data is lost',
  KEY_MISCONFIGURED: "correct the key's settings in the tenants file, or the daemon's credentials, as the message says",
  POLICY_DENIED: "use a caller, purpose and label that the tenant's policy allows, or change the policy in the tenants file",
  KMS_THROTTLED: "try again; where it lasts, ask for a higher quota at the KMS or lengthen the policy's lease and cache times",
  KMS_UNAVAILABLE: "try again; where it lasts, check the daemon's network, DNS and proxy, and the KMS's own status page",
  KMS_TIMEOUT: 'try again; where it lasts, check the network to the KMS or raise `kms.timeout` of the configuration',
  OVERLOADED: 'run more daemons, or raise `limits.maxConcurrentCalls` or `kms.maxConcurrent` of the configuration',
  DRAINING: 'try again: another daemon takes over',
  AUDIT_UNAVAILABLE:
    'make room on the disk of `audit.directory`, or mend the sink that has not taken what is there: `keyside audit status` names it',
  INTERNAL: "please report it, with the daemon's log under this request's id",
  DEADLINE_EXCEEDED: 'give more time with --timeout',
  CANCELLED: 'call again',
};

/** Ways a call ends without any daemon's answer. */
const UNANSWERED: Readonly<Record<string, Advice>> = {
  UNAVAILABLE: {
    who: WHO.operator,
    todo: 'start a daemon with `keyside sidecar`, or name its address with --address or KEYSIDE_ADDRESS',
  },
  RESOURCE_EXHAUSTED: { who: WHO.caller, todo: 'split the document, or raise `limits.maxMessageBytes` of the configuration' },
  UNIMPLEMENTED: { who: WHO.operator, todo: 'update the daemon: it does not know this call, or something else answers there' },
};

/** Undefined where the reason is none of Keyside's. */
export function adviceFor(reason: string, provider?: string): Advice | undefined {
  if (!isErrorReason(reason)) return Object.hasOwn(UNANSWERED, reason) ? UNANSWERED[reason] : undefined;
  const special =
    provider !== undefined && Object.hasOwn(WHAT_TO_DO_BY_PROVIDER, provider)
      ? WHAT_TO_DO_BY_PROVIDER[provider]?.[reason]
      : undefined;
  return { who: WHO[reasonEntry(reason).actor], todo: special ?? WHAT_TO_DO[reason] };
}

function isErrorReason(reason: string): reason is ErrorReason {
  return Object.hasOwn(WHAT_TO_DO, reason);
}
