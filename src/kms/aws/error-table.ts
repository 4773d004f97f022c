import type { ErrorReason } from '../../core/errors.ts';

interface Row {
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  /** Names of errors, as the SDK gives them, each with a message it was seen or documented with. */
  readonly samples: Readonly<Record<string, string>>;
  /** A refusal that may have several causes: the key's state is asked for before anything is said. */
  readonly isToConfirm?: true;
}

/** AWS's errors and what each means. KMS's own names end in `Exception`; most of STS's do not. */
const ROWS: readonly Row[] = [
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'AWS KMS refuses, and the state of the key could not be confirmed',
    isToConfirm: true,
    samples: {
      DisabledException: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is disabled.',
      KMSInvalidStateException:
        'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab is pending deletion.',
      AccessDeniedException:
        'User: arn:aws:sts::444455556666:assumed-role/keyside/keyside is not authorized to perform: kms:Decrypt on resource: … because no resource-based policy allows the kms:Decrypt action',
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'AWS STS refuses the role: its trust policy, the external id or the permission to assume it',
    samples: {
      AccessDenied:
        'User: arn:aws:iam::444455556666:user/keyside is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/keyside',
    },
  },
  {
    reason: 'KEY_NOT_FOUND',
    says: 'AWS KMS knows no such key or alias in this region and account',
    samples: {
      NotFoundException: "Key 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist",
    },
  },
  {
    reason: 'CIPHERTEXT_REJECTED',
    says: '',
    samples: {
      InvalidCiphertextException: 'UnknownError (what the SDK puts where KMS sends no words)',
      IncorrectKeyException: 'The key ID in the request does not identify a CMK that can perform this operation.',
    },
  },
  {
    reason: 'KMS_THROTTLED',
    says: 'AWS throttles',
    samples: {
      ThrottlingException:
        'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls. (HTTP 400; calls across accounts count for the caller)',
      Throttling: 'Rate exceeded (STS)',
      LimitExceededException: 'The request was rejected because a quota was exceeded.',
      RequestLimitExceeded: 'Request limit exceeded.',
      TooManyRequestsException: 'Too many requests',
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'AWS reports a fault of its own',
    samples: {
      KMSInternalException: 'The request was rejected because an internal exception occurred. The request can be retried.',
      KeyUnavailableException:
        'The request was rejected because the specified KMS key was not available. You can retry the request.',
      DependencyTimeoutException: 'The system timed out while trying to fulfill the request. You can retry the request.',
      InternalFailure: 'The request processing has failed because of an unknown error, exception or failure.',
      ServiceUnavailable: 'The request has failed due to a temporary failure of the server.',
      IDPCommunicationError: 'Error communicating with the identity provider (STS)',
      IDPCommunicationErrorException: 'Error communicating with the identity provider (STS)',
    },
  },
  {
    reason: 'KMS_TIMEOUT',
    says: 'AWS did not answer in time',
    samples: { TimeoutError: 'Socket timed out without establishing a connection within 2000 ms' },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the key is not a symmetric key for encryption, or AWS does not accept how it is named',
    samples: {
      InvalidKeyUsageException: '… key usage is SIGN_VERIFY which is not valid for Encrypt.',
      UnsupportedOperationException: 'The operation is not supported for this KMS key.',
      InvalidArnException: 'Invalid arn us-east-1',
      ValidationException: "1 validation error detected: Value '…' at 'keyId' failed to satisfy constraint",
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: "AWS does not accept the daemon's own credentials, or there are none",
    samples: {
      CredentialsProviderError: 'Could not load credentials from any providers',
      TokenProviderError: 'The SSO session associated with this profile has expired',
      UnrecognizedClientException: 'The security token included in the request is invalid.',
      InvalidClientTokenId: 'The security token included in the request is invalid. (STS)',
      InvalidSignatureException:
        'The request signature we calculated does not match the signature you provided. (also: a clock that is wrong)',
      SignatureDoesNotMatch: 'The request signature we calculated does not match the signature you provided. (STS)',
      IncompleteSignature: 'The request signature does not conform to AWS standards.',
      MissingAuthenticationToken: 'Request is missing Authentication Token',
      MissingAuthenticationTokenException: 'Missing Authentication Token',
      ExpiredTokenException: 'The security token included in the request is expired',
      ExpiredToken: 'The security token included in the request is expired (STS)',
      InvalidIdentityToken: 'No OpenIDConnect provider found in your account for https://oidc.example.com (STS)',
      InvalidIdentityTokenException: 'No OpenIDConnect provider found in your account for https://oidc.example.com (STS)',
      IDPRejectedClaimException: 'The identity provider rejected the claim (STS)',
      RegionDisabledException: 'STS is not activated in this region for account: 444455556666.',
      OptInRequired: 'The AWS Access Key Id needs a subscription for the service',
      ValidationError: '1 validation error detected: … (STS)',
    },
  },
];

/** By the error's name. */
export const AWS_ERRORS: ReadonlyMap<string, Row> = new Map(
  ROWS.flatMap((row) => Object.keys(row.samples).map((name) => [name, row])),
);

interface StoreRow {
  /** Part of the message that comes with KMSInvalidStateException. */
  readonly part: string;
  readonly reason: ErrorReason;
  readonly says: string;
  /** The documented message. */
  readonly sample: string;
}

/**
 * Keys in custom key stores: every failure there is a KMSInvalidStateException, a time-out too, while the key stays Enabled; its
 * message alone tells them apart (docs.aws.amazon.com/kms/latest/developerguide/xks-troubleshooting.html).
 */
export const KEY_STORE_ERRORS: readonly StoreRow[] = [
  {
    part: 'external key is not enabled in the external key manager',
    reason: 'KEY_REVOKED',
    says: 'the external key is not enabled in its key manager',
    sample:
      'The external key store proxy rejected the request because the external key is not enabled in the external key manager.',
  },
  {
    part: 'denied access to the operation',
    reason: 'KEY_ACCESS_DENIED',
    says: 'the external key store denies access',
    sample:
      'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
  },
  {
    part: 'could not find the external key',
    reason: 'KEY_NOT_FOUND',
    says: 'the external key store knows no such key',
    sample:
      'The external key store proxy rejected the request because it could not find the external key. To retry the request, use a valid external key ID.',
  },
  {
    part: 'does not support the requested',
    reason: 'KEY_MISCONFIGURED',
    says: 'the external key store does not support the operation',
    sample:
      'The external key store proxy rejected the request because it does not support the requested cryptographic operation.',
  },
  {
    part: 'could not authenticate',
    reason: 'KEY_MISCONFIGURED',
    says: 'the external key store does not accept the credentials of AWS KMS',
    sample:
      'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify and, if necessary, update the credentials for your external key store proxy.',
  },
  {
    part: 'corrupted, missing, or otherwise invalid',
    reason: 'CIPHERTEXT_REJECTED',
    says: '',
    sample:
      'The external key store proxy rejected the request because the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.',
  },
];
