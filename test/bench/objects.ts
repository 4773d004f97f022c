import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Client } from '@grpc/grpc-js';
import {
  DecryptStreamOpen,
  DecryptStreamRequest,
  DecryptStreamResponse,
  EncryptStreamOpen,
  EncryptStreamRequest,
  EncryptStreamResponse,
} from '../../src/gen/keyside/v1/stream.ts';
import { CHUNK_BYTES, repeated, stream } from './bulk.ts';
import { ECHO_STREAM } from './peers.ts';

/** An object is the same chunk over and over, so that what comes back is checked without holding it. */
const CHUNK = randomBytes(CHUNK_BYTES);
const TWICE = Buffer.concat([CHUNK, CHUNK]);

export const CHUNK_MESSAGE = encoded(EncryptStreamRequest, { open: undefined, chunk: CHUNK });
export const ENCRYPT_OPENING = encoded(EncryptStreamRequest, {
  open: { ...EncryptStreamOpen.decode(new Uint8Array()), tenantId: 'acme' },
  chunk: undefined,
});
const DECRYPT_OPENING = encoded(DecryptStreamRequest, {
  open: { ...DecryptStreamOpen.decode(new Uint8Array()), tenantId: 'acme' },
  chunk: undefined,
});
export const ENCRYPT_STREAM = '/keyside.v1.CryptoService/EncryptStream';
const DECRYPT_STREAM = '/keyside.v1.CryptoService/DecryptStream';

/** Sends an object of so many chunks through EncryptStream. `onSealed` gets the sealed object piece by piece. */
export async function encryptObject(client: Client, chunks: number, onSealed: (piece: Uint8Array) => void): Promise<void> {
  let bytes = 0;
  await stream(client, {
    path: ENCRYPT_STREAM,
    messages: joined([ENCRYPT_OPENING], repeated(CHUNK_MESSAGE, chunks)),
    onAnswer: (message) => {
      const { chunk } = EncryptStreamResponse.decode(message);
      if (chunk === undefined) return;
      bytes += chunk.length;
      onSealed(chunk);
    },
  });
  assert.ok(bytes > chunks * CHUNK_BYTES, `only ${bytes} bytes came back`);
}

/** The messages that hand a sealed object to DecryptStream, from the pieces that EncryptStream gave. */
export async function sealedObject(client: Client, chunks: number): Promise<readonly Buffer[]> {
  const sealed: Buffer[] = [];
  await encryptObject(client, chunks, (piece) => sealed.push(encoded(DecryptStreamRequest, { open: undefined, chunk: piece })));
  return sealed;
}

/** Sends a sealed object through DecryptStream and compares every byte. */
export async function decryptObject(client: Client, sealed: readonly Buffer[], chunks: number): Promise<void> {
  let at = 0;
  await stream(client, {
    path: DECRYPT_STREAM,
    messages: joined([DECRYPT_OPENING], sealed),
    onAnswer: (message) => {
      const { chunk } = DecryptStreamResponse.decode(message);
      for (let from = 0; chunk !== undefined && from < chunk.length; ) {
        const piece = chunk.subarray(from, from + CHUNK_BYTES);
        const start = at % CHUNK_BYTES;
        assert.equal(Buffer.compare(piece, TWICE.subarray(start, start + piece.length)), 0, `wrong bytes from ${at} on`);
        from += piece.length;
        at += piece.length;
      }
    },
  });
  assert.equal(at, chunks * CHUNK_BYTES);
}

/** Sends the same chunks to the echo. */
export async function echoObject(client: Client, chunks: number): Promise<void> {
  let bytes = 0;
  await stream(client, {
    path: ECHO_STREAM,
    messages: repeated(CHUNK_MESSAGE, chunks),
    onAnswer: (message) => {
      bytes += message.length;
    },
  });
  assert.equal(bytes, chunks * CHUNK_MESSAGE.length);
}

function* joined(first: Iterable<Buffer>, rest: Iterable<Buffer>): Generator<Buffer> {
  yield* first;
  yield* rest;
}

function encoded<T>(type: { encode(message: T): { finish(): Uint8Array } }, message: T): Buffer {
  return Buffer.from(type.encode(message).finish());
}
