import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** The block of SHA-512, to which HMAC pads its key, in bytes. */
const BLOCK_BYTES = 128;
const DIGEST_BYTES = 64;

/**
 * HMAC-SHA-512 (RFC 2104) over the parts joined: 64 bytes. The key stays the caller's.
 *
 * Made of two one-shot hashes over buffers of ours, which are zeroed here. Node's own Hmac copies the key into a key object or a native
 * context that cannot be zeroed and stays until it is collected; it is slower as well.
 * Precondition: the key is at most 128 bytes.
 */
export function hmacSha512(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  if (key.length > BLOCK_BYTES) throw new RangeError(`an HMAC key is at most ${BLOCK_BYTES} bytes`);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const inner = Buffer.alloc(BLOCK_BYTES + length, 0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);
  for (let at = 0; at < key.length; at++) {
    inner[at] = 0x36 ^ (key[at] as number);
    outer[at] = 0x5c ^ (key[at] as number);
  }
  let next = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, next);
    next += part.length;
  }
  const digest = hash('sha512', inner, 'buffer');
  outer.set(digest, BLOCK_BYTES);
  const mac = hash('sha512', outer, 'buffer');
  inner.fill(0);
  outer.fill(0);
  digest.fill(0);
  return mac;
}

/** HMAC-SHA-256 over the parts joined: 32 bytes. For secrets that sign messages, not for data keys: what Node keeps of the key stays for a while. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** SHA-512 over the bytes: 64 bytes. */
export function sha512(bytes: Uint8Array): Uint8Array {
  return hash('sha512', bytes, 'buffer');
}

/** In constant time for equal lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
