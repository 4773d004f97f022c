import { Buffer } from 'node:buffer';
import type { BulkJob } from './bulk-cipher.ts';
import { type Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from './cipher.ts';

/**
 * A job in memory that two threads share: `key[32] || nonce[12] || aad || input`. One writes it, the other works it off and zeroes it;
 * the message between them orders the two, so that neither looks while the other writes.
 */
export interface FilledSlot {
  readonly memory: SharedArrayBuffer;
  readonly work: BulkJob['work'];
  readonly aadBytes: number;
  readonly inputBytes: number;
  readonly headroom: number;
}

const AAD_AT = KEY_BYTES + NONCE_BYTES;

export function slotBytes({ aad, input }: BulkJob): number {
  return AAD_AT + aad.length + input.length;
}

/** Copies a job to where it is worked off. Precondition: the memory has `slotBytes`; `key` 32 bytes, the nonce 12 (RangeError). */
export function fillSlot(memory: SharedArrayBuffer, job: BulkJob): FilledSlot {
  const { key, nonce, aad, input, work, headroom } = job;
  if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw new RangeError('a key is 32 bytes, a nonce 12');
  const bytes = new Uint8Array(memory);
  bytes.set(key);
  bytes.set(nonce, KEY_BYTES);
  bytes.set(aad, AAD_AT);
  bytes.set(input, AAD_AT + aad.length);
  return { memory, work, aadBytes: aad.length, inputBytes: input.length, headroom };
}

/**
 * Works a job off: the answer of `BulkCipher.run`, in memory of its own. Postcondition: the slot is zero, whatever happens; the key is
 * zeroed as soon as the cipher has it.
 */
export function workOff(cipher: Cipher, { memory, work, aadBytes, inputBytes, headroom }: FilledSlot): Uint8Array | undefined {
  const slot = new Uint8Array(memory, 0, AAD_AT + aadBytes + inputBytes);
  try {
    using key = cipher.importKey(slot.subarray(0, KEY_BYTES));
    slot.fill(0, 0, KEY_BYTES);
    const nonce = slot.subarray(KEY_BYTES, AAD_AT);
    const aad = slot.subarray(AAD_AT, AAD_AT + aadBytes);
    const input = slot.subarray(AAD_AT + aadBytes);
    const outputBytes = inputBytes + (work === 'seal' ? TAG_BYTES : -TAG_BYTES);
    const whole = Buffer.allocUnsafeSlow(headroom + outputBytes).fill(0, 0, headroom);
    const out = whole.subarray(headroom);
    if (work === 'open') return cipher.open(key, { nonce, aad, ciphertext: input }, out) ? whole : undefined;
    cipher.seal(key, { nonce, aad, plaintext: input }, out);
    return whole;
  } finally {
    slot.fill(0);
  }
}
