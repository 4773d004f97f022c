import { open } from 'node:fs/promises';
import { CredentialFileFault } from './vault-server.ts';

/** A service-account token has one or two KiB; with room to spare. */
const MAX_BYTES = 16 * 1024;

/** What may stand in a header or in JSON as it is: a token never needs more. */
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * The one line of a file that holds a token or an id, without the white space around it.
 * @throws {CredentialFileFault} naming `setting`, never what the file holds
 */
export async function readCredential(setting: string, file: string): Promise<string> {
  const text = (await readBounded(setting, file)).trim();
  if (text === '') throw new CredentialFileFault(setting, 'empty');
  if (!PRINTABLE.test(text)) throw new CredentialFileFault(setting, 'not one line of printable ASCII');
  return text;
}

async function readBounded(setting: string, file: string): Promise<string> {
  try {
    await using handle = await open(file, 'r');
    const bytes = new Uint8Array(MAX_BYTES + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, bytesRead));
    bytes.fill(0);
    if (bytesRead <= MAX_BYTES) return text;
  } catch (cause) {
    throw new CredentialFileFault(setting, codeOf(cause), cause);
  }
  throw new CredentialFileFault(setting, `larger than ${MAX_BYTES} bytes`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}
