/** An error of the file system, or of decoding what it gave, in words for a fault. */
export function problemOf(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not valid UTF-8';
    case 'ENOENT':
      return 'cannot be read: no such file or folder';
    case 'EACCES':
      return 'cannot be read: permission denied';
    default:
      return `cannot be read: ${code}`;
  }
}

/** Such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Refuses bytes that are not UTF-8; a byte order mark is left out. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
