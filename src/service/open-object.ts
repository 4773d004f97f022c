import { ciphertextRejected } from '../core/errors.ts';
import { attachedHeaderBytes } from '../envelope/attached-header.ts';
import type { BodyOpener } from '../envelope/body-opener.ts';
import { ChunkOpener } from '../envelope/chunk-opener.ts';
import { deriveObjectVerified } from '../envelope/object-key.ts';
import { type BodySpan, type ObjectRange, planRange } from '../envelope/object-range.ts';
import { RangeOpener } from '../envelope/range-opener.ts';
import { OngoingUse } from './ongoing-use.ts';
import type { CallScope, ServiceParts } from './service.ts';
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
  return { opener, spans: plan?.spans ?? [], use: new OngoingUse(parts, use, scope) };
}

/**
 * The header that an object begins with, where it was stored before the body; undefined while too little is there to tell.
 * @throws {KeysideError} EDEK_MALFORMED
 */
export function attachedHeader(start: Uint8Array): Uint8Array | undefined {
  const length = attachedHeaderBytes(start);
  return length === undefined ? undefined : start.subarray(0, length);
}
