import { Buffer } from 'node:buffer';
import { KeysideError } from './errors.ts';

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * UTF-8 to string, refusing invalid bytes: a decoder that replaces them would make two different contexts one.
 * @throws {KeysideError} REQUEST_INVALID
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return fatal.decode(bytes);
  } catch (cause) {
    throw new KeysideError('REQUEST_INVALID', 'a text is not valid UTF-8', { cause });
  }
}

/** Orders strings by their UTF-8 bytes; JavaScript's own order differs for astral characters. */
export function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
