import { readFile } from 'node:fs/promises';
import { SinkError } from './sink.ts';

const MAX_SECRET_CHARACTERS = 8_192;

/**
 * The secret in a file, as it is now: it may have been replaced since the last delivery. White space around it does not count.
 * @throws {SinkError} `misconfigured`, naming the file
 */
export async function readSecret(file: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new SinkError('misconfigured', `${file} cannot be read: ${code}`, { cause });
  }
  if (text === '' || text.length > MAX_SECRET_CHARACTERS) throw new SinkError('misconfigured', `${file} holds no secret`);
  return text;
}
