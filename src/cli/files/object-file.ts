import { Buffer } from 'node:buffer';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { attachedHeaderBytes } from '../../envelope/attached-header.ts';
import { BODY_PREFIX_BYTES, CHUNK_BYTES, SEALED_CHUNK_BYTES } from '../../envelope/object-layout.ts';
import { invalid } from '../json-input.ts';

/** Read at once, in bytes. */
const READ_BYTES = 256 * 1024;
/** The longest header there is. */
const HEADER_BYTES = 65_536;
const TAG_BYTES = SEALED_CHUNK_BYTES - CHUNK_BYTES;

/** A part of a file. */
export interface FileSpan {
  readonly offset: number;
  /** Default: to the end. */
  readonly length?: number;
}

/** What a range of a sealed file needs to be asked for. */
export interface SealedFile {
  readonly edek: Uint8Array;
  /** Where the body begins in the file. */
  readonly bodyOffset: number;
  /** Of the plaintext, as the file's own size has it: a claim, which the daemon verifies where a range reaches the end. */
  readonly objectBytes: number;
}

/** The size of a regular file; undefined for a pipe or a device. @throws {KeysideError} REQUEST_INVALID */
export async function sizeOf(file: string): Promise<number | undefined> {
  const facts = await readable(file, stat(file));
  if (facts.isDirectory()) throw invalid(`${file} is a directory`);
  return facts.isFile() ? facts.size : undefined;
}

/** The bytes of a file or of a part of it, one piece at a time. @throws {KeysideError} REQUEST_INVALID where it cannot be read */
export async function* bytesOf(file: string, { offset, length = Number.POSITIVE_INFINITY }: FileSpan = { offset: 0 }) {
  const handle = await readable(file, open(file));
  try {
    for (let at = offset, left = length; left > 0; ) {
      const piece = await readable(file, pieceOf(handle, at, Math.min(left, READ_BYTES)));
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
      left -= piece.length;
    }
  } finally {
    await handle.close();
  }
}

async function pieceOf(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

/** The bytes of standard input. */
export function bytesOfInput(stdin: Readable): AsyncIterable<Uint8Array> {
  return stdin as AsyncIterable<Uint8Array>;
}

/** The header that a file of its own holds. @throws {KeysideError} REQUEST_INVALID */
export async function readEdek(file: string): Promise<Uint8Array> {
  const edek = await startOf(file, HEADER_BYTES + 1);
  if (edek.length === 0 || edek.length > HEADER_BYTES) throw invalid(`${file} holds no header of an object`);
  return edek;
}

/**
 * Header and sizes of a sealed file, whose header stands before the body or is given.
 * @throws {KeysideError} EDEK_MALFORMED; REQUEST_INVALID for a size that no object has
 */
export async function examineSealed(file: string, detachedEdek: Uint8Array | undefined): Promise<SealedFile> {
  const size = await sizeOf(file);
  if (size === undefined) throw invalid(`${file} is no regular file: a part of it cannot be read by itself`);
  const edek = detachedEdek ?? (await headerOf(file));
  const bodyOffset = detachedEdek === undefined ? edek.length : 0;
  const objectBytes = objectBytesOf(size - bodyOffset);
  if (objectBytes === undefined) throw invalid(`${file} is cut off, or no sealed object: none has its size`);
  return { edek, bodyOffset, objectBytes };
}

async function headerOf(file: string): Promise<Uint8Array> {
  const start = await startOf(file, HEADER_BYTES);
  const length = attachedHeaderBytes(start);
  if (length === undefined) throw invalid(`${file} is cut off within its header, or no sealed object`);
  return start.subarray(0, length);
}

/** The size of the plaintext of a body (docs/format.md, section 5); undefined where no body is so long. */
export function objectBytesOf(bodyBytes: number): number | undefined {
  const chunks = bodyBytes - BODY_PREFIX_BYTES;
  const full = Math.floor(chunks / SEALED_CHUNK_BYTES);
  const last = chunks - full * SEALED_CHUNK_BYTES - TAG_BYTES;
  return chunks < 0 || last < 0 || last >= CHUNK_BYTES ? undefined : full * CHUNK_BYTES + last;
}

async function startOf(file: string, length: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytesOf(file, { offset: 0, length })) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function readable<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw invalid(`${file} cannot be read: ${error.code === 'ENOENT' ? 'no such file' : error.code}`);
  }
}
