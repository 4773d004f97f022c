import { readFile, stat } from 'node:fs/promises';
import { unfitCredentials } from './credential-errors.ts';

const MAX_FILE_BYTES = 64 * 1024;

interface Schema<T> {
  safeParse(value: unknown): {
    readonly data?: T | undefined;
    readonly error?: { readonly issues: readonly { readonly path: readonly PropertyKey[] }[] } | undefined;
  };
}

/** Differs once the file is another, or has another content. */
export async function stampOf(file: string): Promise<string> {
  const { ino, size, mtimeMs } = await stat(file);
  return `${ino} ${size} ${mtimeMs}`;
}

/**
 * What a JSON file of credentials holds.
 * @throws {GcpCredentialsError} naming the fields that are wrong, and repeating nothing of the file: it may hold a private key;
 * {Error} the system's own, where it cannot be read
 */
export async function readCredentials<T>(file: string, schema: Schema<T>, says: string): Promise<T> {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES) throw unfitCredentials(`${says}: it has ${size} bytes, at most ${MAX_FILE_BYTES} are allowed`);
  const { data, error } = schema.safeParse(parsed(await readFile(file, 'utf8')));
  if (data !== undefined) return data;
  const fields = new Set(error?.issues.map(({ path }) => path.join('.') || 'JSON'));
  throw unfitCredentials(`${says}: see its ${[...fields].join(', ')}`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // the error would quote the file
  }
}
