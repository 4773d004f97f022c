/**
 * What modules do differently. PKCS#11 leaves it to the vendor which number a mechanism has, who chooses an IV and where it is
 * returned, and whether key wrap takes data or only keys. Numbers and habits are the vendors' (docs/providers/pkcs11.md says where
 * each was read and which were run).
 */

/**
 * Who makes the IV of AES-GCM, and where it stands in what the module returns: `caller` gives 12 bytes; `hsm-prefix` returns 12 bytes
 * before, `hsm-suffix` 16 bytes after the ciphertext.
 */
export type IvPolicy = 'caller' | 'hsm-prefix' | 'hsm-suffix';

/** `encrypt`: key wrap as a cipher over data. `wrap`: over a session object that holds the data, which is destroyed at once. */
export type KwpCall = 'encrypt' | 'wrap';

export type SecretAlgorithm = 'aes-gcm' | 'aes-kwp';

export interface Preset {
  readonly aesGcm: number;
  readonly aesKwp: number;
  readonly rsaOaep: number;
  readonly ivPolicy: IvPolicy;
  readonly kwpCall: KwpCall;
  /** Wraps with a secret key where the settings name no algorithm. */
  readonly secretAlgorithm: SecretAlgorithm;
}

/** The numbers of PKCS#11 3.1. */
const CKM_RSA_PKCS_OAEP = 0x9;
const CKM_AES_GCM = 0x1087;
const CKM_AES_KEY_WRAP_KWP = 0x210b;

const STANDARD: Preset = {
  aesGcm: CKM_AES_GCM,
  aesKwp: CKM_AES_KEY_WRAP_KWP,
  rsaOaep: CKM_RSA_PKCS_OAEP,
  ivPolicy: 'caller',
  kwpCall: 'encrypt',
  secretAlgorithm: 'aes-kwp',
};

/** Luna's number for key wrap with padding is its own, and it takes data as well as keys. */
const LUNA: Preset = { ...STANDARD, aesKwp: 0x8000_0171 };

export const PRESETS = {
  standard: STANDARD,
  /** RFC 5649 under the number that PKCS#11 2.40 had for it, and for keys only. */
  softhsm: { ...STANDARD, aesKwp: 0x210a, kwpCall: 'wrap' },
  nss: STANDARD,
  luna: LUNA,
  'luna-fips': { ...LUNA, ivPolicy: 'hsm-suffix' },
  /** Its key wrap takes keys only, and making the object that holds the data was not tried there: hence GCM. */
  cloudhsm: {
    ...STANDARD,
    aesGcm: 0x8000_1087,
    aesKwp: 0x8000_216f,
    ivPolicy: 'hsm-prefix',
    kwpCall: 'wrap',
    secretAlgorithm: 'aes-gcm',
  },
} as const satisfies Record<string, Preset>;
