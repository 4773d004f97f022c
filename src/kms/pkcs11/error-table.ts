import type { ErrorReason } from '../../core/errors.ts';

/**
 * What is to be found out before an answer is believed:
 * `stale-handle`: the key is looked up anew and the call made once more;
 * `lost-login`: the token is logged in to anew and the call made once more;
 * `refusal`: the key's own attribute decides whether the customer forbade the use;
 * `ambiguous`: some modules say it of altered data, others of their own faults: on opening, a fresh wrap is made and opened.
 */
export type Doubt = 'stale-handle' | 'lost-login' | 'refusal' | 'ambiguous';

interface Row {
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  readonly doubt?: Doubt;
  /** The PIN is not tried again until its file changes. */
  readonly isWrongPin?: true;
  /** Return values by the name the standard or the vendor gives them. */
  readonly codes: Readonly<Record<string, number>>;
}

const VENDOR = 0x8000_0000;

/** Return values and what each means. Those above 0x80000000 are Luna's (its `cryptoki_v2.h`). */
const ROWS: readonly Row[] = [
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the HSM refuses the PIN; it is not tried again until its file changes, lest the user be locked out',
    isWrongPin: true,
    codes: { CKR_PIN_INCORRECT: 0xa0, CKR_PIN_INVALID: 0xa1, CKR_PIN_LEN_RANGE: 0xa2, CKR_CHALLENGE_INCORRECT: VENDOR + 0x67 },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the HSM user is locked, or its PIN has expired or was never set: its security officer must reset it',
    codes: {
      CKR_PIN_EXPIRED: 0xa3,
      CKR_PIN_LOCKED: 0xa4,
      CKR_USER_PIN_NOT_INITIALIZED: 0x102,
      CKR_USER_TYPE_INVALID: 0x103,
      CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 0x104,
      CKR_PIN_TOO_WEAK: 0x1b9,
      CKR_USER_LOCKED_OUT: VENDOR + 0x07,
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the session with the HSM ended',
    doubt: 'lost-login',
    codes: {
      CKR_DEVICE_REMOVED: 0x32,
      CKR_SESSION_CLOSED: 0xb0,
      CKR_SESSION_HANDLE_INVALID: 0xb3,
      CKR_TOKEN_NOT_PRESENT: 0xe0,
      CKR_TOKEN_NOT_RECOGNIZED: 0xe1,
      CKR_USER_NOT_LOGGED_IN: 0x101,
      CKR_CONTAINER_HANDLE_INVALID: VENDOR + 0x05,
      CKR_STC_SESSION_INVALID: VENDOR + 0x53,
      CKR_STC_NO_CHANNEL: VENDOR + 0x56,
    },
  },
  {
    reason: 'KEY_NOT_FOUND',
    says: 'the HSM lost sight of the key while it was used',
    doubt: 'stale-handle',
    codes: {
      CKR_KEY_HANDLE_INVALID: 0x60,
      CKR_OBJECT_HANDLE_INVALID: 0x82,
      CKR_UNWRAPPING_KEY_HANDLE_INVALID: 0xf0,
      CKR_WRAPPING_KEY_HANDLE_INVALID: 0x113,
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the HSM refuses this use although the attributes of the key allow it: see the policies of its partition and user',
    doubt: 'refusal',
    codes: {
      CKR_ACTION_PROHIBITED: 0x1b,
      CKR_KEY_FUNCTION_NOT_PERMITTED: 0x68,
      CKR_FUNCTION_REJECTED: 0x200,
      CKR_USER_NOT_AUTHORIZED: VENDOR + 0x1a,
      CKR_OPERATION_NOT_ALLOWED: VENDOR + 0x30,
      CKR_KEY_NOT_ACTIVE: VENDOR + 0x136,
    },
  },
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the partition is disabled in the HSM',
    codes: { CKR_PARTITION_DISABLED: VENDOR + 0x20 },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the key is not of the kind or size that the mechanism needs',
    doubt: 'refusal',
    codes: {
      CKR_KEY_SIZE_RANGE: 0x62,
      CKR_KEY_TYPE_INCONSISTENT: 0x63,
      CKR_KEY_NOT_WRAPPABLE: 0x69,
      CKR_KEY_UNEXTRACTABLE: 0x6a,
      CKR_UNWRAPPING_KEY_SIZE_RANGE: 0xf1,
      CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT: 0xf2,
      CKR_WRAPPING_KEY_SIZE_RANGE: 0x114,
      CKR_WRAPPING_KEY_TYPE_INCONSISTENT: 0x115,
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the module does not do this mechanism, or not with these parameters: see preset, mechanisms, ivPolicy and kwpCall',
    codes: {
      CKR_ATTRIBUTE_READ_ONLY: 0x10,
      CKR_ATTRIBUTE_SENSITIVE: 0x11,
      CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
      CKR_ATTRIBUTE_VALUE_INVALID: 0x13,
      CKR_FUNCTION_NOT_SUPPORTED: 0x54,
      CKR_MECHANISM_INVALID: 0x70,
      CKR_MECHANISM_PARAM_INVALID: 0x71,
      CKR_TEMPLATE_INCOMPLETE: 0xd0,
      CKR_TEMPLATE_INCONSISTENT: 0xd1,
      CKR_TOKEN_WRITE_PROTECTED: 0xe2,
      CKR_CANT_LOCK: 0x0a,
      CKR_CONFIG_ILLEGAL: VENDOR + 0x7c,
    },
  },
  {
    // NSS says it, too, of an RSA ciphertext that is a larger number than the key's modulus: one of another key, now and then.
    reason: 'KEY_MISCONFIGURED',
    says: 'the module does not accept how it is called: see preset, mechanisms, ivPolicy and kwpCall',
    doubt: 'ambiguous',
    codes: { CKR_ARGUMENTS_BAD: 0x07 },
  },
  {
    reason: 'CIPHERTEXT_REJECTED',
    says: '',
    codes: {
      CKR_DATA_INVALID: 0x20,
      CKR_DATA_LEN_RANGE: 0x21,
      CKR_AEAD_DECRYPT_FAILED: 0x35,
      CKR_ENCRYPTED_DATA_INVALID: 0x40,
      CKR_ENCRYPTED_DATA_LEN_RANGE: 0x41,
      CKR_SIGNATURE_INVALID: 0xc0,
      CKR_SIGNATURE_LEN_RANGE: 0xc1,
      CKR_WRAPPED_KEY_INVALID: 0x110,
      CKR_WRAPPED_KEY_LEN_RANGE: 0x112,
      CKR_BAD_MAC: VENDOR + 0x14,
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the HSM reports a fault of its own',
    doubt: 'ambiguous',
    codes: {
      CKR_HOST_MEMORY: 0x02,
      CKR_GENERAL_ERROR: 0x05,
      CKR_FUNCTION_FAILED: 0x06,
      CKR_DEVICE_ERROR: 0x30,
      CKR_DEVICE_MEMORY: 0x31,
      CKR_BUFFER_TOO_SMALL: 0x150,
      CKR_RC_ERROR: VENDOR + 0x04,
      CKR_ACCEL_DEVICE_ERROR: VENDOR + 0x0c,
      CKR_WRAPPING_ERROR: VENDOR + 0x0d,
      CKR_UNWRAPPING_ERROR: VENDOR + 0x0e,
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the HSM cannot be reached or cannot serve',
    codes: {
      CKR_CANCEL: 0x01,
      CKR_SLOT_ID_INVALID: 0x03,
      CKR_FUNCTION_CANCELED: 0x50,
      CKR_OPERATION_ACTIVE: 0x90,
      CKR_OPERATION_NOT_INITIALIZED: 0x91,
      CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
      CKR_UNABLE_TO_CONNECT: VENDOR + 0x1f,
      CKR_MTK_ZEROIZED: VENDOR + 0x26,
      CKR_HSM_TAMPERED: VENDOR + 0x76,
      CKR_HSM_RESTART_REQUIRED: VENDOR + 0x8d,
    },
  },
  {
    reason: 'KMS_THROTTLED',
    says: 'the HSM has no session or capacity left',
    codes: {
      CKR_SESSION_COUNT: 0xb1,
      CKR_USER_TOO_MANY_TYPES: 0x105,
      CKR_TOKEN_RESOURCE_EXCEEDED: 0x201,
      CKR_AGAIN: VENDOR + 0x41,
    },
  },
  {
    reason: 'KMS_TIMEOUT',
    says: 'the HSM did not answer its module in time',
    codes: { CKR_SP_TIMEOUT: VENDOR + 0x23, CKR_TIMEOUT: VENDOR + 0x24, CKR_DEVICE_TIMEOUT: VENDOR + 0x2b },
  },
];

/** By return value. */
export const RETURN_VALUES: ReadonlyMap<number, Row & { readonly name: string }> = new Map(
  ROWS.flatMap((row) => Object.entries(row.codes).map(([name, code]) => [code, { ...row, name }])),
);

/** A value that neither the standard nor a known vendor defines. */
export const UNKNOWN_VALUE: Omit<Row, 'codes'> = {
  reason: 'KMS_UNAVAILABLE',
  says: 'the HSM answers with a value that is not accounted for',
  doubt: 'ambiguous',
};

interface Finding {
  readonly reason: ErrorReason;
  readonly says: string;
}

/** What the module's process finds without the HSM having refused anything. */
export const FINDINGS = {
  'sdk-missing': {
    reason: 'KEY_MISCONFIGURED',
    says: 'the packages graphene-pk11 and pkcs11js are not installed or not built: install python3, make and a C++ compiler, then run `npm ci` (or `npm run postinstall`) where Keyside is installed',
  },
  'module-unloadable': {
    reason: 'KEY_MISCONFIGURED',
    says: "the PKCS#11 module cannot be loaded: see its path, its own libraries and the daemon user's rights",
  },
  'token-absent': {
    reason: 'KMS_UNAVAILABLE',
    says: 'the module shows no token that matches: the HSM is not connected, or token and slot name the wrong one',
  },
  'token-ambiguous': { reason: 'KEY_MISCONFIGURED', says: 'several tokens match: name the serial or the slot too' },
  'token-taken': {
    reason: 'KEY_MISCONFIGURED',
    says: 'another configuration uses the same token with another PIN file under another name: name the token alike in both',
  },
  'pin-last-try': {
    reason: 'KEY_MISCONFIGURED',
    says: 'one attempt at the PIN is left before the HSM locks the user, and the daemon will not be the one to use it: log in with another tool first',
  },
  'login-required': { reason: 'KMS_UNAVAILABLE', says: 'the session with the HSM ended' },
  'key-absent': { reason: 'KEY_NOT_FOUND', says: 'the token holds no key of this class, id and label that the user may see' },
  'key-ambiguous': {
    reason: 'KEY_MISCONFIGURED',
    says: 'several keys of the token match: name the id and the label so that one does',
  },
  'key-only-opens': {
    reason: 'KEY_MISCONFIGURED',
    says: 'the key may unwrap and not wrap (CKA_ENCRYPT or CKA_WRAP is false): give it that right, or make another key primary',
  },
  'context-unbound': {
    reason: 'KEY_MISCONFIGURED',
    says: 'the module does not bind the additional data of AES-GCM: use aes-kwp',
  },
  'odd-length': { reason: 'KMS_UNAVAILABLE', says: 'the module answered with an unexpected number of bytes: see ivPolicy' },
  'weak-rsa': { reason: 'KEY_MISCONFIGURED', says: 'the RSA key has fewer than 2,048 bits' },
  fault: { reason: 'KMS_UNAVAILABLE', says: "the module's process failed in a way that is not accounted for" },
} as const satisfies Record<string, Finding>;

export type FindingName = keyof typeof FINDINGS;
