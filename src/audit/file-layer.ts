import { constants, fstatSync, type Stats } from 'node:fs';
import { appendFile, type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that the spool writes: every write says where. */
export interface SpoolFile {
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves when everything written survives a loss of power; rejects (ENOENT) where the file was removed meanwhile. */
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
  /** Last change, in milliseconds since the epoch. */
  readonly modifiedMs: number;
}

/** What the spool does with files: in tests a layer takes its place that forgets what was not synced. All throw as `node:fs` does. */
export interface FileLayer {
  makeDirectory(path: string): Promise<void>;
  /**
   * Makes a file that was not there (EEXIST otherwise), readable by its owner alone.
   * @param isLog whether what is written is always synced at once: then both are one system call where the system can
   */
  create(path: string, isLog?: boolean): Promise<SpoolFile>;
  /** Opens a file that is there. */
  open(path: string): Promise<SpoolFile>;
  /** Up to `length` bytes from `position` on; fewer at the end of the file. */
  read(path: string, position: number, length: number): Promise<Uint8Array>;
  /** The plain files of a directory, by name. */
  list(directory: string): Promise<readonly FileFacts[]>;
  /** Adds to a file, which is made where it is missing. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes what was created, renamed and removed in a directory survive a loss of power. */
  syncDirectory(path: string): Promise<void>;
}

/** By open(2) a write to such a file returns as if fdatasync(2) had followed it. That is relied upon on Linux alone. */
const SYNCED_WRITES = process.platform === 'linux' ? constants.O_DSYNC : 0;

export const nodeFileLayer: FileLayer = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async create(path, isLog = false) {
    const synced = isLog ? SYNCED_WRITES : 0;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | synced;
    return new NodeFile(await open(path, flags, 0o600), synced !== 0);
  },
  async open(path) {
    return new NodeFile(await open(path, constants.O_WRONLY), false);
  },
  async read(path, position, length) {
    const handle = await open(path, 'r');
    try {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await handle.close();
    }
  },
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    const files: FileFacts[] = [];
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const found = await statIfThere(join(directory, entry.name));
      if (found !== undefined) files.push({ name: entry.name, bytes: found.size, modifiedMs: found.mtimeMs });
    }
    return files.sort((one, other) => (one.name < other.name ? -1 : 1));
  },
  async append(path, bytes) {
    await appendFile(path, bytes, { mode: 0o600 });
  },
  rename,
  remove: unlink,
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Undefined where it is gone by now. */
async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

class NodeFile implements SpoolFile {
  readonly #handle: FileHandle;
  /** Whether every write is durable when it returns. */
  readonly #isSynced: boolean;

  constructor(handle: FileHandle, isSynced: boolean) {
    this.#handle = handle;
    this.#isSynced = isSynced;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, position + written);
      written += bytesWritten;
    }
  }

  async datasync(): Promise<void> {
    if (!this.#isSynced) await this.#handle.datasync();
    // Of a file without a name nothing is found again. Asked at once: it costs less than handing it to another thread.
    if (fstatSync(this.#handle.fd).nlink === 0) throw Object.assign(new Error('the file was removed'), { code: 'ENOENT' });
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
