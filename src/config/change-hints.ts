import { type FSWatcher, watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/**
 * Watches where tenants files live, and says when something may have changed there. Only a hint: events get lost, and files behind
 * links of their own are not watched; a full scan now and then is what counts.
 */
export class ChangeHints {
  readonly #path: string;
  readonly #onHint: () => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #hasFailed = false;
  #isClosed = false;

  constructor(path: string, { onHint, onFailure }: { onHint: () => void; onFailure: (error: unknown) => void }) {
    this.#path = path;
    this.#onHint = onHint;
    this.#onFailure = onFailure;
  }

  /** Watches the folders that matter now, and lets go of others: links may lead elsewhere since, or a folder be a new one. */
  async rearm(): Promise<void> {
    const wanted = await foldersToWatch(this.#path);
    if (this.#isClosed) return;
    for (const [identity, watcher] of this.#watchers) {
      if (wanted.has(identity)) continue;
      watcher.close();
      this.#watchers.delete(identity);
    }
    for (const [identity, folder] of wanted) {
      if (!this.#watchers.has(identity)) this.#watch(identity, folder);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(identity: string, folder: WatchedFolder): void {
    try {
      const watcher = watch(folder.path, (_event, name) => {
        if (name === null || folder.matters(name)) this.#onHint();
      });
      watcher.on('error', (error) => this.#fail(error));
      this.#watchers.set(identity, watcher);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Said once: where a system has no watches left, the scans go on without. */
  #fail(error: unknown): void {
    if (!this.#hasFailed) this.#onFailure(error);
    this.#hasFailed = true;
  }
}

interface WatchedFolder {
  readonly path: string;
  matters(name: string): boolean;
}

/** By device and inode, so that a folder which was replaced is seen as another. */
async function foldersToWatch(path: string): Promise<Map<string, WatchedFolder>> {
  const wanted = new Map<string, WatchedFolder>();
  const add = async (folder: WatchedFolder): Promise<void> => {
    const stats = await stat(folder.path).catch(() => undefined);
    const identity = stats && `${stats.dev}:${stats.ino}`;
    if (identity !== undefined && stats?.isDirectory() && !wanted.has(identity)) wanted.set(identity, folder);
  };
  // Names that begin with two dots are how Kubernetes swaps a whole volume: it renames the link `..data`.
  const isNamed = (name: string): boolean => name === basename(path) || name.startsWith('..');
  await add({ path, matters: () => true });
  // Where the path is missing, its folder is watched for its return.
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) await add({ path: dirname(real), matters: (name) => name === basename(real) || isNamed(name) });
  await add({ path: dirname(path), matters: isNamed });
  return wanted;
}
