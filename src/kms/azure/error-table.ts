import type { ErrorReason } from '../../core/errors.ts';

interface Row {
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  /** A refusal whose cause the vault can be asked for before anything is said: is the key disabled, is it deleted? */
  readonly confirm?: 'disabled' | 'deleted';
  /** Codes, each with a status and a message it was seen or documented with. */
  readonly samples: Readonly<Record<string, readonly [status: number, message: string]>>;
}

/** The vault's codes: the inner one where there is one (learn.microsoft.com/azure/key-vault/general/rest-error-codes). */
const VAULT_ROWS: readonly Row[] = [
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'Azure says that the key is disabled, and its state could not be confirmed',
    confirm: 'disabled',
    samples: { KeyDisabled: [403, 'Operation unwrapKey is not allowed on a disabled key.'] },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'Azure refuses, and the state of the key could not be confirmed',
    confirm: 'disabled',
    samples: { Forbidden: [403, 'AccessDenied (Activity ID: 00000000-0000-0000-0000-000000000000)'] },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the key is outside its validity period: it opens what was wrapped, and wraps no more',
    samples: {
      KeyExpired: [403, 'Operation wrapKey is not allowed on an expired key.'],
      KeyNotYetValid: [403, 'Operation wrapKey is not allowed on a key that is not yet valid.'],
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: "Azure refuses this caller: see the vault's firewall and private endpoints",
    samples: {
      ForbiddenByFirewall: [403, 'Client address is not authorized and caller is not a trusted service.'],
      ForbiddenByConnection: [
        403,
        'Public network access is disabled and request is not from a trusted service nor via an approved private link.',
      ],
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: "Azure refuses this caller: see the vault's role assignments or access policies",
    samples: {
      ForbiddenByRbac: [
        403,
        "Caller is not authorized to perform action on resource. Action: 'Microsoft.KeyVault/vaults/keys/unwrap/action'",
      ],
      ForbiddenByPolicy: [403, "The user, group or application does not have keys unwrap key permission on key vault 'acme'."],
      AccessDenied: [403, "The user, group or application does not have keys unwrap key permission on key vault 'acme'."],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the operations permitted on the key (key_ops) lack wrapKey or unwrapKey',
    samples: { KeyOperationForbidden: [403, 'Operation wrapKey is not permitted on this key.'] },
  },
  {
    reason: 'KEY_NOT_FOUND',
    says: 'the vault knows no such key or version',
    confirm: 'deleted',
    samples: {
      KeyNotFound: [404, 'A key with (name/id) acme was not found in this key vault.'],
      NotFound: [404, 'Not found'],
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the key is between two states',
    confirm: 'deleted',
    samples: {
      ObjectIsBeingDeleted: [409, 'Key is currently being deleted.'],
      ObjectIsBeingRecovered: [409, 'Key is currently being recovered.'],
      ObjectIsDeletedButRecoverable: [409, 'Key acme is currently in a deleted but recoverable state.'],
      Conflict: [409, 'Conflict'],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: "the vault does not accept the daemon's token: is tenantId that of the vault?",
    samples: {
      Unauthorized: [
        401,
        'AKV10032: Invalid issuer. Expected one of https://sts.windows.net/…/, found https://sts.windows.net/…/.',
      ],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the vault does not accept the request: is the key an RSA key?',
    samples: { BadParameter: [400, 'Key and signing algorithm are incompatible.'] },
  },
  {
    reason: 'KMS_THROTTLED',
    says: 'Azure throttles',
    samples: {
      Throttled: [429, 'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached'],
      VaultRequestTypeLimitReached: [429, 'Request was not processed because too many requests were received.'],
    },
  },
];

/** The authority's codes (learn.microsoft.com/entra/identity-platform/reference-error-codes). */
const AUTHORITY_ROWS: readonly Row[] = [
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'Entra does not know the tenant, or the application in this tenant',
    samples: {
      AADSTS90002: [400, "Tenant '…' not found."],
      AADSTS900023: [400, "Specified tenant identifier '…' is neither a valid DNS name, nor a valid external domain."],
      AADSTS700016: [400, "Application with identifier '…' was not found in the directory '…'."],
      AADSTS7000229: [401, 'The client application … is missing service principal in the tenant …'],
      AADSTS500011: [400, 'The resource principal named https://vault.azure.net was not found in the tenant …'],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: "Entra does not accept the daemon's own credentials",
    samples: {
      AADSTS7000215: [401, 'Invalid client secret provided.'],
      AADSTS7000222: [401, "The provided client secret keys for app '…' are expired."],
      AADSTS700027: [
        401,
        'Client assertion contains an invalid signature. (the certificate is expired, revoked or not registered)',
      ],
      AADSTS700024: [401, 'Client assertion is not within its valid time range. (also: a clock that is wrong)'],
      AADSTS50013: [401, 'Assertion failed signature validation.'],
      AADSTS700211: [400, 'No matching federated identity record found for presented assertion issuer …'],
      AADSTS700213: [400, 'No matching federated identity record found for presented assertion subject …'],
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'Entra refuses the application: it is disabled, or a conditional access policy blocks it',
    samples: {
      AADSTS7000112: [400, "Application '…' is disabled."],
      AADSTS53003: [400, 'Access has been blocked by Conditional Access policies.'],
      AADSTS530035: [400, 'Access has been blocked by security defaults.'],
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'Entra reports a fault of its own',
    samples: {
      AADSTS90033: [503, 'A transient error occurred. Please try again.'],
      temporarily_unavailable: [503, 'The service is temporarily unavailable.'],
    },
  },
];

export const VAULT_ERRORS: ReadonlyMap<string, Row> = byCode(VAULT_ROWS);
export const AUTHORITY_ERRORS: ReadonlyMap<string, Row> = byCode(AUTHORITY_ROWS);

/** Where the vault gives no inner code, its words do. */
export const VAULT_WORDS: readonly { readonly words: RegExp; readonly code: string }[] = [
  { words: /on a disabled key/, code: 'KeyDisabled' },
  { words: /on an? expired key/, code: 'KeyExpired' },
  { words: /key that is not yet valid/, code: 'KeyNotYetValid' },
  { words: /is not permitted on this key/, code: 'KeyOperationForbidden' },
];

function byCode(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.flatMap((row) => Object.keys(row.samples).map((code) => [code, row])));
}
