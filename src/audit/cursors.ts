import { join } from 'node:path';
import type { FileLayer } from './file-layer.ts';
import type { SpoolPosition } from './spool-position.ts';

const DIRECTORY = 'cursors';
const MAX_CURSOR_BYTES = 4_096;

/** Where each sink is, kept beside the spool: a file for each, replaced as a whole. What a crash loses of it is delivered again. */
export class Cursors {
  readonly #files: FileLayer;
  readonly #directory: string;

  constructor(files: FileLayer, spoolDirectory: string) {
    this.#files = files;
    this.#directory = join(spoolDirectory, DIRECTORY);
  }

  async prepare(): Promise<void> {
    await this.#files.makeDirectory(this.#directory);
  }

  /** Undefined where the sink has none, or what is there is not one: then it begins with the oldest record. */
  async read(sinkId: string): Promise<SpoolPosition | undefined> {
    try {
      const text = await this.#files.read(this.#path(sinkId), 0, MAX_CURSOR_BYTES);
      const { segment, offset } = JSON.parse(new TextDecoder().decode(text)) as Partial<SpoolPosition>;
      return isCount(segment) && isCount(offset) ? { segment, offset } : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT'))
        return undefined;
      throw error;
    }
  }

  async write(sinkId: string, { segment, offset }: SpoolPosition): Promise<void> {
    const path = this.#path(sinkId);
    await replaceFile(this.#files, path, JSON.stringify({ segment, offset }));
  }

  #path(sinkId: string): string {
    return join(this.#directory, `${encodeURIComponent(sinkId)}.json`);
  }
}

/** Replaces a file as a whole, or makes it: whoever reads finds the old or the new text. One at a time for a path. */
export async function replaceFile(files: FileLayer, path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await files.remove(beside).catch(() => undefined); // usually not there
  const file = await files.create(beside);
  try {
    await file.write(new TextEncoder().encode(text), 0);
  } finally {
    await file.close();
  }
  await files.rename(beside, path);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
