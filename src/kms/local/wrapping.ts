import { type Cipher, NONCE_BYTES, TAG_BYTES } from '../../cipher/cipher.ts';
import { ByteWriter } from '../../core/byte-writer.ts';
import { encodeWrapContext, type WrapContext } from '../../core/encryption-context.ts';
import { DATA_KEY_BYTES } from '../../core/providers.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';

/** Algorithm 5 of docs/format.md, section 3: `salt[24] || ciphertext || tag`. */

export const SALT_BYTES = 24;
const WRAPPED_BYTES = SALT_BYTES + DATA_KEY_BYTES + TAG_BYTES;
const DERIVED_BYTES = DATA_KEY_BYTES + NONCE_BYTES;

/** Empty: the salt and the context are in the derivation of key and nonce already, so a wrap of another context has another key. */
const NO_AAD = new Uint8Array(0);

interface Wrapping {
  readonly cipher: Cipher;
  /** 32 bytes. */
  readonly kek: SecretBytes;
  readonly context: WrapContext;
}

/** Precondition: `dataKey` is 32 bytes, and `salt` 24 bytes never used before with this KEK and context. */
export function sealDataKey({ cipher, kek, context }: Wrapping, dataKey: SecretBytes, salt: Uint8Array): Uint8Array {
  const wrapped = new Uint8Array(WRAPPED_BYTES);
  wrapped.set(salt, 0);
  const derived = derive({ cipher, kek, context }, salt);
  const nonce = derived.subarray(DATA_KEY_BYTES);
  using key = cipher.importKey(derived.subarray(0, DATA_KEY_BYTES));
  cipher.seal(key, { nonce, aad: NO_AAD, plaintext: dataKey.expose() }, wrapped.subarray(SALT_BYTES));
  derived.fill(0);
  return wrapped;
}

/** The 32 bytes again, the caller's to wipe; undefined where the wrap is not one of this key and context. */
export function openDataKey({ cipher, kek, context }: Wrapping, wrapped: Uint8Array): SecretBytes | undefined {
  if (wrapped.length !== WRAPPED_BYTES) return undefined;
  const derived = derive({ cipher, kek, context }, wrapped.subarray(0, SALT_BYTES));
  const nonce = derived.subarray(DATA_KEY_BYTES);
  using key = cipher.importKey(derived.subarray(0, DATA_KEY_BYTES));
  const dataKey = new Uint8Array(DATA_KEY_BYTES);
  const isGenuine = cipher.open(key, { nonce, aad: NO_AAD, ciphertext: wrapped.subarray(SALT_BYTES) }, dataKey);
  derived.fill(0);
  return isGenuine ? SecretBytes.own(dataKey) : undefined;
}

/** key[32] || nonce[12] */
function derive({ cipher, kek, context }: Wrapping, salt: Uint8Array): Uint8Array {
  const info = new ByteWriter(160).text('keyside.dev/local@v1').u8(0).bytes(salt).bytes(encodeWrapContext(context)).finish();
  return cipher.expand(kek.expose(), info, DERIVED_BYTES);
}
