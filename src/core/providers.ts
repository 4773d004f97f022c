/** The kinds of KMS and their numbers in stored key blocks (docs/format.md, section 3). A number is never reused. */
export const PROVIDER_NUMBERS = { local: 1, aws: 2, gcp: 3, azure: 4, pkcs11: 5, vault: 6, kmip: 7 } as const;

export type ProviderName = keyof typeof PROVIDER_NUMBERS;

/** How a data key is wrapped, by its number in stored key blocks. */
export const WRAP_ALGORITHMS = { service: 1, rsaOaep256: 2, aes256Gcm: 3, aesKwp: 4, local: 5 } as const;

export type WrapAlgorithm = (typeof WRAP_ALGORITHMS)[keyof typeof WRAP_ALGORITHMS];

/** The size of a data key or a share of one, in bytes. */
export const DATA_KEY_BYTES = 32;

/** The longest key version a key block can store, in bytes. */
export const MAX_KEY_VERSION_BYTES = 64;

/** Who holds a key. Rewrap never moves a document downwards. */
export type Custody = 'customer' | 'vendor' | 'local';

const CUSTODY_RANK = { local: 0, vendor: 1, customer: 2 } as const satisfies Record<Custody, number>;

export function isLowerCustody(a: Custody, than: Custody): boolean {
  return CUSTODY_RANK[a] < CUSTODY_RANK[than];
}
