import { Buffer } from 'node:buffer';
import { ByteReader } from '../core/byte-reader.ts';
import { MAX_LABEL_BYTES } from '../core/encryption-context.ts';
import { decodeUtf8 } from '../core/text.ts';
import { type KeyBlock, parseKeyBlock } from './key-block.ts';
import { malformed, parsing } from './malformed.ts';

export const SALT_BYTES = 24;
export const COMMITMENT_BYTES = 32;
/** The largest EDEK or object header (docs/format.md, section 4). */
export const MAX_HEADER_BYTES = 65_536;
/** Suite 1: HKDF-SHA-512 and AES-256-GCM. */
export const SUITE = 1;
const VERSION = 1;
/** Behind magic, version, suite and the label's length. */
const LABEL_AT = 6;

/** `document`: an EDEK; `object`: the header of a sealed object. They differ in their magic and in what is derived. */
export type HeaderKind = 'document' | 'object';

const MAGIC = { document: 'KD', object: 'KO' } as const satisfies Record<HeaderKind, string>;

/** An EDEK or an object's header, parsed; nothing of it is verified yet. */
export interface Header {
  readonly kind: HeaderKind;
  readonly dataLabel: string;
  readonly salt: Uint8Array;
  readonly commitment: Uint8Array;
  readonly keyBlock: KeyBlock;
}

/**
 * Parses an EDEK or an object's header. The result holds views of `bytes`.
 * @throws {KeysideError} EDEK_MALFORMED
 */
export function parseHeader(bytes: Uint8Array): Header {
  if (bytes.length === 0) throw malformed('the edek is empty');
  if (bytes.length > MAX_HEADER_BYTES) throw malformed(`the edek exceeds ${MAX_HEADER_BYTES} bytes`);
  return parsing(() => {
    const reader = new ByteReader(bytes);
    const kind = kindOf(reader.take(2, 'magic'));
    if (reader.u8('version') !== VERSION) throw malformed('the edek is of an unknown version');
    if (reader.u8('suite') !== SUITE) throw malformed('the edek is of an unknown suite');
    const label = reader.lp('data label');
    if (label.length > MAX_LABEL_BYTES) throw malformed(`the edek's data label exceeds ${MAX_LABEL_BYTES} bytes`);
    const dataLabel = decodeLabel(label);
    const salt = reader.take(SALT_BYTES, 'salt');
    const commitment = reader.take(COMMITMENT_BYTES, 'commitment');
    const keyBlock = parseKeyBlock(bytes.subarray(reader.position));
    return { kind, dataLabel, salt, commitment, keyBlock };
  });
}

/**
 * Precondition: the header's parts are of their sizes and it would parse again; the label was checked by `encodeContext`.
 * @throws {RangeError} where the sizes are not kept: what this daemon could not read again must never be stored
 */
export function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(headerBytes(header));
  writeHeader(header, Buffer.from(bytes.buffer));
  return bytes;
}

/** How long the encoded header is, in bytes. */
export function headerBytes({ dataLabel, keyBlock }: Pick<Header, 'dataLabel' | 'keyBlock'>): number {
  return LABEL_AT + Buffer.byteLength(dataLabel) + SALT_BYTES + COMMITMENT_BYTES + keyBlock.bytes.length;
}

/** As `encodeHeader`, into `out`, which has `headerBytes`. */
export function writeHeader(header: Header, out: Buffer): void {
  const { kind, dataLabel, salt, commitment, keyBlock } = header;
  if (salt.length !== SALT_BYTES) throw new RangeError(`a header's salt is ${SALT_BYTES} bytes`);
  if (commitment.length !== COMMITMENT_BYTES) throw new RangeError(`a commitment is ${COMMITMENT_BYTES} bytes`);
  if (out.length > MAX_HEADER_BYTES) throw new RangeError(`a header exceeds ${MAX_HEADER_BYTES} bytes`);
  const magic = MAGIC[kind];
  out[0] = magic.charCodeAt(0);
  out[1] = magic.charCodeAt(1);
  out[2] = VERSION;
  out[3] = SUITE;
  const labelBytes = dataLabel === '' ? 0 : out.write(dataLabel, LABEL_AT);
  out[4] = labelBytes >> 8;
  out[5] = labelBytes & 0xff;
  const saltAt = LABEL_AT + labelBytes;
  out.set(salt, saltAt);
  out.set(commitment, saltAt + SALT_BYTES);
  out.set(keyBlock.bytes, saltAt + SALT_BYTES + COMMITMENT_BYTES);
}

function kindOf(magic: Uint8Array): HeaderKind {
  if (magic[0] === MAGIC.document.charCodeAt(0) && magic[1] === MAGIC.document.charCodeAt(1)) return 'document';
  if (magic[0] === MAGIC.object.charCodeAt(0) && magic[1] === MAGIC.object.charCodeAt(1)) return 'object';
  throw malformed('the edek does not begin as an EDEK or an object header does');
}

function decodeLabel(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw malformed("the edek's data label is not valid UTF-8", cause);
  }
}
