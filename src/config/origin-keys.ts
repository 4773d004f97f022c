import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { SecretBytes } from '../core/secret-bytes.ts';

const MIN_BYTES = 32;
/** What an HMAC with SHA-512 takes as it is. */
const MAX_BYTES = 128;
const OTHERS_AND_GROUP = 0o077;
const OTHERS_AND_GROUP_WRITE = 0o037;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The deployment's origin keys, which mark the wraps that this deployment made for RSA keys (docs/format.md, section 3): the first one
 * marks, every one is recognised. Each file holds one key in base64, 32 to 128 bytes, readable by its owner only; where another user
 * owns it, as root does a Secret that Kubernetes mounts for the pod's group, by that group too.
 * @throws {Error} naming the file and what is wrong with it; never its content
 */
export function readOriginKeys(files: readonly string[]): readonly SecretBytes[] {
  return files.map(readOriginKey);
}

function readOriginKey(file: string): SecretBytes {
  const text = readPrivate(file).trim();
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) {
    throw new Error(`origin key ${file} is not base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes`);
  }
  const key = SecretBytes.copyOf(bytes);
  bytes.fill(0);
  return key;
}

function readPrivate(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const { mode, uid } = fstatSync(descriptor);
    // Of a file of our own the group needs nothing.
    const forbidden = uid === process.getuid?.() ? OTHERS_AND_GROUP : OTHERS_AND_GROUP_WRITE;
    if ((mode & forbidden) !== 0) throw new Error(`origin key ${file} can be read by others: chmod 600 it`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
