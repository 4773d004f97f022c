import type { ErrorReason } from '../../core/errors.ts';

export interface Row {
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  /** A message it was seen or documented with. */
  readonly sample: string;
  /** A refusal that may have several causes: the state of key and version is asked for before anything is said. */
  readonly isToConfirm?: true;
}

/** What an error means for the key. */
export interface GcpFailure {
  readonly reason: ErrorReason;
  readonly says: string;
  /** A refusal with several possible causes: ask for the state of key and version, then `judge`. */
  readonly isToConfirm: boolean;
  /** Google's word for it, an HTTP status, or the system's code. */
  readonly code: string;
  /** What Google asked us to wait. */
  readonly retryAfterMs?: number | undefined;
  /** With KEY_REVOKED: whether the whole key is refused, or one version of it. */
  readonly scope?: 'key' | 'version';
}

const KEY = 'projects/acme-prod/locations/europe-west3/keyRings/keyside/cryptoKeys/main';
const FAULT = 'Google Cloud KMS reports a fault of its own';

interface CodeRow extends Row {
  /** gRPC's number. */
  readonly code: number;
}

/** By gRPC status code, where nothing more precise is known. */
export const STATUS_ERRORS: Readonly<Record<string, CodeRow>> = {
  CANCELLED: { code: 1, reason: 'KMS_UNAVAILABLE', says: 'the call was cancelled on its way', sample: 'Call cancelled' },
  UNKNOWN: { code: 2, reason: 'KMS_UNAVAILABLE', says: FAULT, sample: 'Stream removed' },
  INVALID_ARGUMENT: {
    code: 3,
    reason: 'KEY_MISCONFIGURED',
    says: 'Google Cloud KMS does not accept the request: the key is not one for symmetric encryption, or is named wrongly',
    sample: `Resource name [${KEY}] is not valid for this request.`,
  },
  DEADLINE_EXCEEDED: {
    code: 4,
    reason: 'KMS_TIMEOUT',
    says: 'Google Cloud KMS did not answer in time',
    sample: 'Deadline exceeded after 5.001s',
  },
  NOT_FOUND: {
    code: 5,
    reason: 'KEY_NOT_FOUND',
    says: 'Google Cloud KMS knows no such key',
    sample: `CryptoKey ${KEY} not found.`,
  },
  PERMISSION_DENIED: {
    code: 7,
    reason: 'KEY_ACCESS_DENIED',
    says: 'Google Cloud KMS refuses: see the IAM policy of the key',
    sample: `Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource '${KEY}' (or it may not exist).`,
    isToConfirm: true,
  },
  RESOURCE_EXHAUSTED: {
    code: 8,
    reason: 'KMS_THROTTLED',
    says: 'Google Cloud KMS throttles',
    sample: "Quota exceeded for quota metric 'Cryptographic requests' of service 'cloudkms.googleapis.com'",
  },
  FAILED_PRECONDITION: {
    code: 9,
    reason: 'KEY_ACCESS_DENIED',
    says: 'Google Cloud KMS refuses, and the state of the key could not be confirmed',
    sample: `${KEY}/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.`,
    isToConfirm: true,
  },
  ABORTED: { code: 10, reason: 'KMS_UNAVAILABLE', says: FAULT, sample: 'The operation was aborted.' },
  OUT_OF_RANGE: {
    code: 11,
    reason: 'KEY_MISCONFIGURED',
    says: 'Google Cloud KMS does not accept the request',
    sample: 'Out of range',
  },
  UNIMPLEMENTED: {
    code: 12,
    reason: 'KEY_MISCONFIGURED',
    says: 'what answers at its endpoint is not Google Cloud KMS',
    sample: 'unknown service google.cloud.kms.v1.KeyManagementService',
  },
  INTERNAL: { code: 13, reason: 'KMS_UNAVAILABLE', says: FAULT, sample: 'Internal error encountered.' },
  UNAVAILABLE: {
    code: 14,
    reason: 'KMS_UNAVAILABLE',
    says: 'Google Cloud KMS cannot be reached',
    sample: 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:9090',
  },
  DATA_LOSS: { code: 15, reason: 'KMS_UNAVAILABLE', says: FAULT, sample: 'Unrecoverable data loss or corruption' },
  UNAUTHENTICATED: {
    code: 16,
    reason: 'KEY_MISCONFIGURED',
    says: "Google does not accept the daemon's own credentials",
    sample:
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid credential.',
  },
};

/** By `google.rpc.ErrorInfo.reason` (google/api/error_reason.proto): what a status code alone does not tell. */
export const INFO_ERRORS: Readonly<Record<string, Row>> = {
  SERVICE_DISABLED: {
    reason: 'KEY_ACCESS_DENIED',
    says: "the Cloud KMS API is disabled in the key's project",
    sample: 'Cloud Key Management Service (KMS) API has not been used in project 123 before or it is disabled.',
  },
  BILLING_DISABLED: {
    reason: 'KEY_ACCESS_DENIED',
    says: "billing is disabled in the key's project",
    sample: 'This API method requires billing to be enabled.',
  },
  SECURITY_POLICY_VIOLATED: {
    reason: 'KEY_ACCESS_DENIED',
    says: 'a VPC Service Controls perimeter refuses',
    sample: "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: …",
  },
  CONSUMER_SUSPENDED: {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the project is suspended',
    sample: "Permission denied: Consumer 'projects/123' has been suspended.",
  },
  CONSUMER_INVALID: {
    reason: 'KEY_MISCONFIGURED',
    says: 'the quota project of the credentials is not valid',
    sample: 'Project acme-prod has been deleted.',
  },
  USER_PROJECT_DENIED: {
    reason: 'KEY_MISCONFIGURED',
    says: 'the credentials may not use their quota project',
    sample: 'Caller does not have required permission to use project vendor-prod.',
  },
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: {
    reason: 'KEY_MISCONFIGURED',
    says: "the daemon's access token lacks the scope cloudkms or cloud-platform",
    sample: 'Request had insufficient authentication scopes.',
  },
  RATE_LIMIT_EXCEEDED: {
    reason: 'KMS_THROTTLED',
    says: 'Google Cloud KMS throttles',
    sample: "Quota exceeded for quota metric 'Cryptographic requests' and limit 'per minute'",
  },
};

/**
 * By the `type` of a `google.rpc.PreconditionFailure` violation, where an external key manager (Cloud EKM) fails: Google calls it the
 * error domain, and has FAILED_PRECONDITION for all of them, a time-out too
 * (https://cloud.google.com/kms/docs/reference/ekm_errors). A manager that denies the key makes Google disable the version.
 */
export const EKM_ERRORS: Readonly<Record<string, Row>> = {
  EXTERNAL_PERMISSION_DENIED: {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the external key manager denies access',
    sample: 'Permission was denied when accessing the key.',
    isToConfirm: true,
  },
  EXTERNAL_NOT_FOUND: {
    reason: 'KEY_NOT_FOUND',
    says: 'the external key manager knows no such key',
    sample: 'Could not find a key.',
    isToConfirm: true,
  },
  EXTERNAL_KEY_URI_INVALID: {
    reason: 'KEY_MISCONFIGURED',
    says: 'the URI of the external key is not valid',
    sample: 'Key URI has invalid format.',
  },
  EXTERNAL_KEY_HOST_NOT_WHITELISTED: {
    reason: 'KEY_MISCONFIGURED',
    says: 'Google does not support the host of the external key',
    sample: 'Key URI host is not supported.',
  },
  EXTERNAL_NOT_IMPLEMENTED: {
    reason: 'KEY_MISCONFIGURED',
    says: 'the external key manager does not support the operation',
    sample: "The external key manager indicated they have not implemented the appropriate method to support Cloud KMS's Decrypt.",
  },
  EXTERNAL_RESOURCE_EXHAUSTED: {
    reason: 'KMS_THROTTLED',
    says: 'the external key manager throttles',
    sample: 'Throttled when trying to access key URI.',
  },
  OVERLOADED_EKM: {
    reason: 'KMS_THROTTLED',
    says: 'the external key manager is overloaded',
    sample: 'Could not reach the key because the external key manager reports that it is overloaded.',
  },
  TIMEOUT: {
    reason: 'KMS_TIMEOUT',
    says: 'the external key manager did not answer in time',
    sample: 'Timed out when trying to access the key.',
  },
  REQUEST_CANCELLED: {
    reason: 'KMS_TIMEOUT',
    says: 'the external key manager did not answer in time',
    sample: 'The request was cancelled.',
  },
  DNS: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the name of the external key manager cannot be resolved',
    sample: 'Could not resolve the domain name for key.',
  },
  UNREACHABLE_NETWORK: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the external key manager cannot be reached',
    sample: 'Could not reach the key due to an external networking error.',
  },
  TLS_CERT: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the certificate of the external key manager is not valid',
    sample: 'Could not validate the TLS server certificate for the key.',
  },
  UNEXPECTED_RESPONSE: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the external key manager does not answer as it should',
    sample: 'Got garbled or unusable response when trying to access the key.',
  },
  EXTERNAL_SERVER_ERROR: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the external key manager reports a fault of its own',
    sample: 'External server error when trying to access the key.',
  },
  UNEXPECTED_ERROR: {
    reason: 'KMS_UNAVAILABLE',
    says: 'the external key manager failed in an unexpected way',
    sample: 'Got unexpected error when trying to access the key.',
  },
};
