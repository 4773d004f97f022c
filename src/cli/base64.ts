import { Buffer } from 'node:buffer';
import { invalid } from './json-input.ts';

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The bytes of base64 with its padding. @throws {KeysideError} REQUEST_INVALID: Node itself would skip what it does not know */
export function fromBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw invalid(`${what} is not base64`);
  return bytes;
}
