import { TAG_BYTES } from '../cipher/cipher.ts';
import { KeysideError } from '../core/errors.ts';
import { BODY_PREFIX_BYTES, CHUNK_BYTES, MAX_OBJECT_BYTES, SEALED_CHUNK_BYTES } from './object-layout.ts';

/** A range of an object's plaintext, in bytes. What lies beyond the end is left away; so any huge length reads to the end. */
export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
  /** The plaintext's size as the caller stored it: a claim, verified where the range depends on it. */
  readonly objectSize: number;
}

/** Neighbouring bytes of an object's body, counted from its salt. */
export interface BodySpan {
  readonly offset: number;
  readonly length: number;
}

/** What a range needs of the body, and in which order. */
export interface RangePlan {
  /** The part of the plaintext to give: from `start` to before `end`, at most the claimed size. */
  readonly start: number;
  readonly end: number;
  /** The last chunk by the claimed size: opened first of all chunks, where the range reaches the end or lies in it. */
  readonly final: { readonly index: number; readonly bytes: number } | undefined;
  /** Full chunks, in order. */
  readonly firstChunk: number;
  readonly chunkCount: number;
  /** What the caller sends, in this order and without anything between: prefix, final chunk, full chunks; neighbours are one. */
  readonly spans: readonly BodySpan[];
}

/**
 * Which bytes of the body a range needs. The prefix is always needed: it proves the key, also for an empty range.
 * Postcondition: a range that reaches, passes or starts beyond the claimed end needs the final chunk, even where that is empty.
 * @throws {KeysideError} REQUEST_INVALID for what are no sizes, or an object larger than the format allows
 */
export function planRange({ offset, length, objectSize }: ObjectRange): RangePlan {
  requireSize(offset, 'offset');
  requireSize(length, 'length');
  requireSize(objectSize, 'object size');
  if (objectSize > MAX_OBJECT_BYTES) {
    throw new KeysideError('REQUEST_INVALID', `the range's object size exceeds ${MAX_OBJECT_BYTES} bytes`);
  }
  const start = Math.min(offset, objectSize);
  const reachesEnd = length >= objectSize - start;
  const end = reachesEnd ? objectSize : start + length;
  const index = Math.floor(objectSize / CHUNK_BYTES);
  const finalAt = index * CHUNK_BYTES;
  const isFinalNeeded = reachesEnd || (start < end && end > finalAt);
  const firstChunk = Math.floor(start / CHUNK_BYTES);
  const chunkCount = start < Math.min(end, finalAt) ? Math.ceil(Math.min(end, finalAt) / CHUNK_BYTES) - firstChunk : 0;
  const final = isFinalNeeded ? { index, bytes: objectSize - finalAt } : undefined;
  return { start, end, final, firstChunk, chunkCount, spans: spansOf(final, firstChunk, chunkCount) };
}

function spansOf(final: RangePlan['final'], firstChunk: number, chunkCount: number): BodySpan[] {
  const spans: BodySpan[] = [{ offset: 0, length: BODY_PREFIX_BYTES }];
  if (final !== undefined) append(spans, { offset: chunkAt(final.index), length: final.bytes + TAG_BYTES });
  if (chunkCount > 0) append(spans, { offset: chunkAt(firstChunk), length: chunkCount * SEALED_CHUNK_BYTES });
  return spans;
}

function append(spans: BodySpan[], next: BodySpan): void {
  const last = spans.at(-1);
  if (last !== undefined && last.offset + last.length === next.offset) {
    spans.splice(-1, 1, { offset: last.offset, length: last.length + next.length });
  } else {
    spans.push(next);
  }
}

function chunkAt(index: number): number {
  return BODY_PREFIX_BYTES + index * SEALED_CHUNK_BYTES;
}

function requireSize(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new KeysideError('REQUEST_INVALID', `the range's ${what} is not a whole number from 0 to 2^53 - 1`);
  }
}
