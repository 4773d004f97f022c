import { Buffer } from 'node:buffer';
import { ciphertextRejected } from '../core/errors.ts';
import { attachedHeaderBytes } from '../envelope/attached-header.ts';
import type { BodyOpener } from '../envelope/body-opener.ts';
import { ChunkOpener } from '../envelope/chunk-opener.ts';
import { MAX_HEADER_BYTES } from '../envelope/header.ts';
import { deriveObjectVerified } from '../envelope/object-key.ts';
import { type BodySpan, type ObjectRange, planRange } from '../envelope/object-range.ts';
import { RangeOpener } from '../envelope/range-opener.ts';
import { OngoingUse } from './ongoing-use.ts';
import type { CallScope, KeyUse, ServiceParts } from './service.ts';
import { openStored, type StoredRequest } from './stored-document.ts';

export interface OpenObjectRequest extends StoredRequest {
  /** Undefined: the whole object. */
  readonly range: ObjectRange | undefined;
}

export interface ObjectOpening {
  /** The caller's to wipe. */
  readonly opener: BodyOpener;
  /** What of the body to push, in order; empty: all of it. */
  readonly spans: readonly BodySpan[];
  /** To be asked with every chunk. */
  readonly use: OngoingUse;
  readonly keyUse: KeyUse;
}

/**
 * Begins to open a sealed object or a range of it.
 * @throws {KeysideError} as CryptoService.DecryptStream documents
 */
export async function openObject(parts: ServiceParts, request: OpenObjectRequest, scope: CallScope): Promise<ObjectOpening> {
  const { cipher } = parts;
  const plan = request.range === undefined ? undefined : planRange(request.range);
  const use = { ...request, kinds: ['object'], use: 'read' } as const;
  const stored = await openStored(parts, use, scope);
  using dataKey = stored.dataKey;
  using objectKey = deriveObjectVerified(cipher, dataKey, stored);
  if (objectKey === undefined) throw ciphertextRejected('the commitment differs');
  const opener = plan === undefined ? new ChunkOpener(cipher, objectKey) : new RangeOpener(cipher, objectKey, plan);
  return { opener, spans: plan?.spans ?? [], use: new OngoingUse(parts, use, scope), keyUse: stored.keyUse };
}

/** Takes the header off an object that begins with it, in whatever pieces that comes. */
export class HeaderCollector {
  /** No header is longer, so what finds no room cannot belong to one. */
  readonly #start = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  #length = 0;

  /**
   * The header, and what of this piece follows it; undefined while the header is not whole.
   * @throws {KeysideError} EDEK_MALFORMED
   */
  push(piece: Uint8Array): { readonly edek: Uint8Array; readonly rest: Uint8Array } | undefined {
    const before = this.#length;
    this.#start.set(piece.subarray(0, MAX_HEADER_BYTES - before), before);
    this.#length = Math.min(MAX_HEADER_BYTES, before + piece.length);
    const length = attachedHeaderBytes(this.#start.subarray(0, this.#length));
    if (length === undefined) return undefined;
    return { edek: this.#start.subarray(0, length), rest: piece.subarray(length - before) };
  }
}
