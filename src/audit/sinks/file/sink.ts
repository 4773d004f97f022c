import { type FileHandle, open, stat } from 'node:fs/promises';
import { type AuditSink, type RejectedRecord, SinkError, type SinkRecord } from '../../sink.ts';
import type { FileSinkSettings } from './config.ts';

const LINE_FEED = new Uint8Array([0x0a]);

/** Adds records to a file and has them on the disk before they count as delivered. */
export class FileSink implements AuditSink {
  readonly kind = 'file';
  readonly limits = { maxRecords: 1_000, maxBytes: 1024 * 1024, lingerMs: 100 };
  readonly #path: string;
  #handle: FileHandle | undefined;

  constructor({ path }: FileSinkSettings) {
    this.#path = path;
  }

  async deliver(batch: readonly SinkRecord[]): Promise<readonly RejectedRecord[]> {
    try {
      const handle = await this.#open();
      await handle.appendFile(Buffer.concat(batch.flatMap(({ line }) => [line, LINE_FEED])));
      await handle.datasync();
      return [];
    } catch (cause) {
      await this.close();
      const { code } = cause as NodeJS.ErrnoException;
      const isOurs = code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'EROFS' || code === 'EPERM';
      throw new SinkError(isOurs ? 'misconfigured' : 'unreachable', `${this.#path}: ${code}`, { cause });
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** The file of that name: another one after it was moved away. */
  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined && !(await isSameFile(this.#handle, this.#path))) await this.close();
    this.#handle ??= await open(this.#path, 'a', 0o600);
    return this.#handle;
  }
}

async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const [opened, named] = await Promise.all([
    handle.stat(),
    stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    }),
  ]);
  return named !== undefined && opened.ino === named.ino && opened.dev === named.dev;
}
