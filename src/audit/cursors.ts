import { hash } from 'node:crypto';
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
    await replaceFile(this.#files, path, { bytes: new TextEncoder().encode(JSON.stringify({ segment, offset })) });
  }

  #path(sinkId: string): string {
    return join(this.#directory, `${sinkFileName(sinkId)}.json`);
  }
}

/** Longer than this a sink's id does not stand in the name of a file: names have 255 bytes at most. */
const MAX_NAME = 160;

/** The name of a sink's files, without what stands behind the dot: its id where that is short, else its beginning and a hash. */
export function sinkFileName(sinkId: string): string {
  const whole = encodeURIComponent(sinkId);
  return whole.length <= MAX_NAME ? whole : `${encodeURIComponent(sinkId.slice(0, 40))}~${hash('sha256', sinkId).slice(0, 32)}`;
}

/**
 * Replaces a file as a whole, or makes it: whoever reads finds the old or the new content. One at a time for a path.
 * @param isDurable whether its content is on the disk before it takes the name; the directory is the caller's to sync
 */
export async function replaceFile(
  files: FileLayer,
  path: string,
  { bytes, isDurable = false }: { readonly bytes: Uint8Array; readonly isDurable?: boolean },
): Promise<void> {
  const beside = `${path}.new`;
  await files.remove(beside).catch(() => undefined); // usually not there
  const file = await files.create(beside);
  try {
    await file.write(bytes, 0);
    if (isDurable) await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(beside, path);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
