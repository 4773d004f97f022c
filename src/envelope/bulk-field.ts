import type { BulkCipher, BulkJob } from '../cipher/bulk-cipher.ts';
import { NONCE_BYTES, TAG_BYTES } from '../cipher/cipher.ts';
import { expandHeader } from './derive.ts';
import {
  additionalData,
  expandAddedField,
  type FieldVersion,
  isFieldName,
  type OpenDocument,
  requireFieldName,
} from './field.ts';
import { SALT_BYTES } from './header.ts';

/** Field.ts for large values: the same bytes, sealed and opened beside the thread that serves calls. */

/** Where the work is done, and until when its result is wanted. */
export interface BulkWork {
  readonly bulk: BulkCipher;
  readonly signal: AbortSignal;
}

export interface BulkField {
  readonly name: string;
  /** Plaintext to seal, or a sealed field; it must not change before the end. */
  readonly value: Uint8Array;
}

/** Random bytes that a sealed field begins with, after its version: its nonce, or the salt of its key. */
const FRESH_BYTES = { 1: NONCE_BYTES, 2: SALT_BYTES } as const;

/**
 * As `sealNewField` (version 1) or `sealAddedField` (version 2).
 * @throws {KeysideError} as `BulkCipher.run`
 */
export async function sealFieldInBulk(
  document: OpenDocument,
  { name, value, version }: BulkField & { readonly version: FieldVersion },
  { bulk, signal }: BulkWork,
): Promise<Uint8Array> {
  requireFieldName(name);
  const fresh = document.cipher.random(FRESH_BYTES[version]);
  const headroom = 1 + fresh.length;
  const about = { work: 'seal', aad: additionalData(version, name), input: value, headroom } as const;
  const sealed = await runUnder(document, { version, fresh }, (key) => bulk.run({ ...about, ...key }, signal));
  if (sealed === undefined) throw new Error('sealing gave no answer');
  sealed[0] = version;
  sealed.set(fresh, 1);
  return sealed;
}

/**
 * As `openField`.
 * @throws {KeysideError} as `BulkCipher.run`
 */
export async function openFieldInBulk(
  document: OpenDocument,
  { name, value }: BulkField,
  { bulk, signal }: BulkWork,
): Promise<Uint8Array | undefined> {
  const version = value[0];
  if ((version !== 1 && version !== 2) || !isFieldName(name)) return undefined;
  const prefixBytes = 1 + FRESH_BYTES[version];
  if (value.length < prefixBytes + TAG_BYTES) return undefined;
  const about = { work: 'open', aad: additionalData(version, name), input: value.subarray(prefixBytes), headroom: 0 } as const;
  const fresh = value.subarray(1, prefixBytes);
  return runUnder(document, { version, fresh }, (key) => bulk.run({ ...about, ...key }, signal));
}

/** Derives key and nonce of a field for one job, which copies the key at once. The document's own key cannot be read back. */
function runUnder<T>(
  document: OpenDocument,
  { version, fresh }: { readonly version: FieldVersion; readonly fresh: Uint8Array },
  run: (under: Pick<BulkJob, 'key' | 'nonce'>) => T,
): T {
  const { cipher, dataKey, salt, context } = document;
  const bytes =
    version === 1 ? expandHeader(cipher, dataKey, { kind: 'document', salt, context }) : expandAddedField(document, fresh);
  try {
    const nonce = version === 1 ? fresh : new Uint8Array(bytes.subarray(32, 44));
    return run({ key: bytes.subarray(0, 32), nonce });
  } finally {
    bytes.fill(0);
  }
}
