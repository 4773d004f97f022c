import type { ErrorReason } from '../../core/errors.ts';
import { isFileFailure } from '../file-failure.ts';
import type { GcpFailure } from './error-table.ts';
import { isUntrusted, record, text } from './traits.ts';

/** There are no credentials, they cannot be used, or what exchanges them failed. Carries the verdict alone: what the SDK throws there holds tokens. */
export class GcpCredentialsError extends Error {
  override readonly name = 'GcpCredentialsError';
  readonly failure: GcpFailure;

  constructor(failure: GcpFailure) {
    super(failure.code);
    this.failure = failure;
  }
}

interface Row {
  readonly reason: ErrorReason;
  readonly says: string;
  /** Words of the answer (OAuth 2.0's `error`, or a Google API's `error.status`), each with a text it was seen or documented with. */
  readonly samples: Readonly<Record<string, string>>;
}

/** What the token services answer: the Security Token Service (RFC 8693) in words of OAuth 2.0, IAM Credentials in those of gRPC. */
const ROWS: readonly Row[] = [
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'Google does not grant the identity: the attribute condition of its pool, or the permission to impersonate',
    samples: {
      unauthorized_client: 'The given credential is rejected by the attribute condition.',
      access_denied: 'Access denied.',
      PERMISSION_DENIED: "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: "Google does not accept the daemon's own credentials",
    samples: {
      invalid_grant: 'ID Token issued at 1 is stale to sign-in.',
      invalid_request: 'Invalid value for "audience".',
      invalid_target: 'The target service indicated by the "audience" parameters is invalid.',
      invalid_client: 'The OAuth client was not found.',
      invalid_scope: 'Invalid OAuth scope.',
      UNAUTHENTICATED: 'Request had invalid authentication credentials.',
      NOT_FOUND: 'Unknown service account',
      INVALID_ARGUMENT: 'Request contains an invalid argument.',
      FAILED_PRECONDITION: 'The service account is disabled.',
    },
  },
];

/** By the answer's word. */
export const CREDENTIAL_ERRORS: ReadonlyMap<string, Row> = new Map(
  ROWS.flatMap((row) => Object.keys(row.samples).map((word) => [word, row])),
);

const TIMEOUTS = new Set(['TimeoutError', 'AbortError']);
const NETWORK = /^(?:E(?!RR_)[A-Z0-9_]+|UND_ERR_[A-Z_]+)$/;

/** A failure on the way to an access token, as one of ours. */
export function credentialsError(cause: unknown): GcpCredentialsError {
  return cause instanceof GcpCredentialsError ? cause : new GcpCredentialsError(failureOf(cause));
}

/** A file of credentials that is not what it should be. */
export function unfitCredentials(says: string): GcpCredentialsError {
  return new GcpCredentialsError({ reason: 'KEY_MISCONFIGURED', says, isToConfirm: false, code: 'credentials' });
}

function failureOf(error: unknown): GcpFailure {
  const { status, word, code, syscall } = traits(error);
  const failure = (reason: ErrorReason, says: string): GcpFailure => ({ reason, says, isToConfirm: false, code: word ?? code });
  if (status !== undefined) return failure(...answered(status, word));
  if (TIMEOUTS.has(code)) return failure('KMS_TIMEOUT', "Google's token service did not answer in time");
  if (isFileFailure(code, syscall)) return failure('KEY_MISCONFIGURED', 'a file of its credentials cannot be read');
  if (isUntrusted(code)) return failure('KEY_MISCONFIGURED', 'the certificate of the token service is not trusted here');
  if (NETWORK.test(code)) return failure('KMS_UNAVAILABLE', "Google's token service cannot be reached");
  return failure('KEY_MISCONFIGURED', 'there are no credentials for Google Cloud, or they cannot be used');
}

function answered(status: number, word: string | undefined): [ErrorReason, string] {
  if (status === 429) return ['KMS_THROTTLED', "Google's token service throttles"];
  if (status === 408 || status >= 500) return ['KMS_UNAVAILABLE', "Google's token service reports a fault of its own"];
  const row = CREDENTIAL_ERRORS.get(word ?? '') ?? (status === 403 ? ROWS[0] : ROWS[1]);
  return [row?.reason ?? 'KEY_MISCONFIGURED', row?.says ?? ''];
}

interface Traits {
  readonly status: number | undefined;
  readonly word: string | undefined;
  readonly code: string;
  readonly syscall: string;
}

function traits(error: unknown): Traits {
  const fields = record(error);
  const cause = record(fields.cause);
  const response = record(fields.response);
  const { status } = response;
  const answer = record(response.data).error;
  const word = text(record(answer).status) ?? text(answer);
  return {
    status: typeof status === 'number' ? status : undefined,
    word: word !== undefined && CREDENTIAL_ERRORS.has(word) ? word : typeof status === 'number' ? `HTTP ${status}` : undefined,
    code: text(fields.code) ?? text(cause.code) ?? text(fields.name) ?? 'Error',
    syscall: text(fields.syscall) ?? text(cause.syscall) ?? '',
  };
}
