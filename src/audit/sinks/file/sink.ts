import { type FileHandle, open, stat } from 'node:fs/promises';
import { type AuditSink, type RejectedRecord, SinkError, type SinkRecord } from '../../sink.ts';
import type { FileSinkSettings } from './config.ts';

const LINE_FEED = 0x0a;
const LINE_END = new Uint8Array([LINE_FEED]);
/** How much of the file's end is looked at at once, for where its last whole line ends. */
const BLOCK_BYTES = 64 * 1024;
/** What every record begins with (docs/audit-record.md): `action_id` or `activity_id`. */
const RECORD_BEGINS = '{"acti';

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
      await handle.appendFile(Buffer.concat(batch.flatMap(({ line }) => [line, LINE_END])));
      await handle.datasync();
      return [];
    } catch (cause) {
      await this.close();
      if (cause instanceof SinkError) throw cause;
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

  /** The file of that name: another one after it was moved away. Whatever it ends in, what is added begins a line. */
  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined && !(await isSameFile(this.#handle, this.#path))) await this.close();
    if (this.#handle === undefined) {
      this.#handle = await open(this.#path, 'a+', 0o600);
      await this.#cutTornLine(this.#handle);
    }
    return this.#handle;
  }

  /**
   * Cuts off a record that was not written to its end. It is not lost: it does not count as delivered, and comes again.
   * @throws {SinkError} `misconfigured` where what would be cut off is no record: the file is somebody else's
   */
  async #cutTornLine(handle: FileHandle): Promise<void> {
    const { size } = await handle.stat();
    const whole = await endOfLastLine(handle, size);
    if (whole === size) return;
    const head = Buffer.alloc(Math.min(RECORD_BEGINS.length, size - whole));
    await handle.read(head, 0, head.length, whole);
    if (!RECORD_BEGINS.startsWith(head.toString('latin1'))) {
      throw new SinkError('misconfigured', `${this.#path} ends in a line that is no record of the audit trail`);
    }
    await handle.truncate(whole);
  }
}

/** The offset behind the last line feed before `size`; 0 where there is none. */
async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(Math.min(BLOCK_BYTES, size));
  for (let end = size; end > 0; end -= block.length) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
  }
  return 0;
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
