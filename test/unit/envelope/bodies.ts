import { Buffer } from 'node:buffer';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import type { BodyOpener } from '../../../src/envelope/body-opener.ts';
import { ChunkOpener } from '../../../src/envelope/chunk-opener.ts';
import { ChunkSealer } from '../../../src/envelope/chunk-sealer.ts';
import { type ObjectRange, planRange } from '../../../src/envelope/object-range.ts';
import { RangeOpener } from '../../../src/envelope/range-opener.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';

/** Bodies for the tests of this folder and of the properties. */

export const cipher = bothCiphers();
export const objectKey = (): SecretBytes => SecretBytes.own(Buffer.alloc(32, 0x6f));

/** Byte i is i mod 251: no two chunks of it are alike. */
export function plaintextOf(size: number): Buffer {
  const pattern = Buffer.from(Array.from({ length: 251 }, (_, at) => at));
  return Buffer.alloc(size, pattern);
}

/** Pushes `input` cut at the given places, and ends. */
export function run(through: ChunkSealer | BodyOpener, input: Uint8Array, cuts: readonly number[] = []): Buffer {
  const places = [0, ...cuts.map((cut) => Math.min(cut, input.length)).sort((a, b) => a - b), input.length];
  const parts = places.slice(1).map((to, at) => through.push(input.subarray(places[at], to)));
  return Buffer.concat([...parts, through.end()]);
}

export function sealBody(plaintext: Uint8Array, cuts: readonly number[] = []): Buffer {
  return run(new ChunkSealer(cipher, objectKey()), plaintext, cuts);
}

export function openBody(body: Uint8Array, cuts: readonly number[] = []): Buffer {
  return run(new ChunkOpener(cipher, objectKey()), body, cuts);
}

/** What a caller would send for the range, from a body as it is stored: a GET beyond the end gives fewer bytes. */
export function bytesForRange(body: Uint8Array, range: ObjectRange): Buffer {
  return Buffer.concat(planRange(range).spans.map(({ offset, length }) => body.subarray(offset, offset + length)));
}

export function openRange(body: Uint8Array, range: ObjectRange, cuts: readonly number[] = []): Buffer {
  return run(new RangeOpener(cipher, objectKey(), planRange(range)), bytesForRange(body, range), cuts);
}
