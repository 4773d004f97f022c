import { Buffer } from 'node:buffer';
import { type Cipher, FIELD_OVERHEAD_BYTES, type FieldBatch, NONCE_BYTES } from '../cipher/cipher.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { derivationInfo } from './derive.ts';
import type { NewDocument } from './document.ts';
import { AAD_PREFIX, isFieldName } from './field.ts';
import { COMMITMENT_BYTES, type Header, headerBytes, SALT_BYTES, writeHeader } from './header.ts';

type Fields = ReadonlyMap<string, Uint8Array>;

/** The version of fields that are sealed with their document. */
const VERSION = 1;
/** The names of nearly every document find room; others have memory of their own. */
const KEPT_NAME_BYTES = 8 * 1024;
const KEPT_NAMES = 256;

/** Written and read within one synchronous step; nothing in them is secret. */
const keptNames = Buffer.allocUnsafeSlow(KEPT_NAME_BYTES);
const keptNameBytes = new Uint32Array(KEPT_NAMES);
const commitment = Buffer.allocUnsafeSlow(COMMITMENT_BYTES);

/**
 * Creates a document and seals all of its fields in one step: the bytes are those of `createDocument` and `sealNewField`, in less
 * time. EDEK and fields are views of one piece of memory, which may be Node's pool of buffers.
 * Precondition: `dataKey` is what `keyBlock` wraps; each name is well-formed text of at most 65,535 bytes (RangeError).
 */
export function sealSmallDocument(
  cipher: Cipher,
  dataKey: SecretBytes,
  { document, fields }: { readonly document: NewDocument; readonly fields: Fields },
): { readonly edek: Uint8Array; readonly fields: Map<string, Uint8Array> } {
  const { dataLabel, context, keyBlock } = document;
  const salt = cipher.random(SALT_BYTES);
  const batch = batchOf(dataKey, derivationInfo({ kind: 'document', salt, context }), fields);
  if (batch === undefined) throw new RangeError('a field name is well-formed text of at most 65,535 bytes');
  const nonces = Buffer.allocUnsafe(fields.size * NONCE_BYTES);
  cipher.fillRandom(nonces);
  const edekBytes = headerBytes({ dataLabel, keyBlock });
  const slab = Buffer.allocUnsafe(edekBytes + totalBytes(batch.values) + fields.size * FIELD_OVERHEAD_BYTES);
  cipher.sealFields(batch, nonces, { commitment, out: slab.subarray(edekBytes) });
  const edek = slab.subarray(0, edekBytes);
  writeHeader({ kind: 'document', dataLabel, salt, commitment, keyBlock }, edek);
  const sealed = new Map<string, Uint8Array>();
  let at = edekBytes;
  for (const [name, { length }] of fields) {
    const end = at + length + FIELD_OVERHEAD_BYTES;
    sealed.set(name, slab.subarray(at, end));
    at = end;
  }
  return { edek, fields: sealed };
}

/** Whether all fields are of the version that `openSmallDocument` opens. */
export function isOfOneStep(fields: Fields): boolean {
  for (const sealed of fields.values()) if (sealed[0] !== VERSION || sealed.length < FIELD_OVERHEAD_BYTES) return false;
  return true;
}

/**
 * Opens a stored document and these of its fields in one step, all or none, as `openDocument` and `openField` do. The plaintexts are
 * views of one piece of memory that nothing else lies in.
 * Precondition: `isOfOneStep`, and the header is a document's.
 * @returns why nothing was opened, where a field does not belong here or was altered, or the data key is not the committed one
 */
export function openSmallDocument(
  cipher: Cipher,
  dataKey: SecretBytes,
  { header, context, fields }: { readonly header: Header; readonly context: Uint8Array; readonly fields: Fields },
): Map<string, Uint8Array> | 'other key' | 'altered' {
  const batch = batchOf(dataKey, derivationInfo({ kind: 'document', salt: header.salt, context }), fields);
  if (batch === undefined) return 'altered';
  const out = Buffer.allocUnsafeSlow(totalBytes(batch.values) - fields.size * FIELD_OVERHEAD_BYTES);
  const outcome = cipher.openFields(batch, header.commitment, out);
  if (outcome !== 'opened') return outcome;
  const opened = new Map<string, Uint8Array>();
  let at = 0;
  for (const [name, { length }] of fields) {
    const end = at + length - FIELD_OVERHEAD_BYTES;
    opened.set(name, out.subarray(at, end));
    at = end;
  }
  return opened;
}

/** Undefined where a name is none that a field can have. */
function batchOf(dataKey: SecretBytes, info: Uint8Array, fields: Fields): FieldBatch | undefined {
  const nameBytes = fields.size <= KEPT_NAMES ? keptNameBytes : new Uint32Array(fields.size);
  const values: Uint8Array[] = [];
  let names = keptNames;
  let at = 0;
  for (const [name, value] of fields) {
    if (!isFieldName(name)) return undefined;
    if (at + name.length * 3 > names.length) names = larger(names, at + name.length * 3);
    const length = names.write(name, at);
    nameBytes[values.length] = length;
    at += length;
    values.push(value);
  }
  return { secret: dataKey.expose(), info, version: VERSION, aadPrefix: AAD_PREFIX[VERSION], names, nameBytes, values };
}

function larger(names: Buffer<ArrayBuffer>, needed: number): Buffer<ArrayBuffer> {
  const grown = Buffer.allocUnsafeSlow(2 * needed);
  names.copy(grown);
  return grown;
}

function totalBytes(values: readonly Uint8Array[]): number {
  let total = 0;
  for (const { length } of values) total += length;
  return total;
}
