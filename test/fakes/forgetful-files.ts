import { basename, dirname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { FileFacts, FileLayer, SpoolFile } from '../../src/audit/file-layer.ts';

/** What a disk has of a file, and what only the machine's memory has. */
interface Inode {
  synced: Uint8Array;
  current: Uint8Array;
}

export interface ForgetfulOptions {
  /** From 0 up to 1: what a crash leaves of what was not synced. */
  readonly random: () => number;
  /** Takes every sync for done: what a test must not survive. */
  readonly ignoresSync?: boolean;
}

/**
 * Files in memory that behave as a disk behind a page cache does: `crash` takes the power away, and what was not synced is there in
 * part or not at all, names of files included. Faults can be ordered, as a full or broken disk gives them.
 */
export class ForgetfulFiles implements FileLayer {
  readonly #options: ForgetfulOptions;
  readonly #names = new Map<string, Inode>();
  readonly #syncedNames = new Map<string, Inode>();
  #isOff = false;
  #fault: { readonly operation: 'write' | 'datasync' | 'create'; readonly code: string } | undefined;
  operations = 0;

  constructor(options: ForgetfulOptions) {
    this.#options = options;
  }

  /** Every such operation fails so from now on; undefined: none. */
  fail(fault: { readonly operation: 'write' | 'datasync' | 'create'; readonly code: string } | undefined): void {
    this.#fault = fault;
  }

  /** Takes the power away: whatever is under way never ends. Returns what is found afterwards. */
  crash(): ForgetfulFiles {
    this.#isOff = true;
    const after = new ForgetfulFiles(this.#options);
    for (const [path, inode] of this.#names) {
      const isNameSafe = this.#syncedNames.get(path) === inode;
      if (!isNameSafe && this.#options.random() < 0.5) continue;
      const bytes = this.#leftOf(inode);
      const left = { synced: bytes, current: bytes };
      after.#names.set(path, left);
      after.#syncedNames.set(path, left);
    }
    return after;
  }

  async makeDirectory(): Promise<void> {
    await this.#step();
  }

  async create(path: string): Promise<SpoolFile> {
    await this.#step('create');
    if (this.#names.has(path)) throw systemError('EEXIST', path);
    const inode = { synced: new Uint8Array(0), current: new Uint8Array(0) };
    this.#names.set(path, inode);
    return this.#fileOf(inode);
  }

  async open(path: string): Promise<SpoolFile> {
    await this.#step();
    return this.#fileOf(this.#inode(path));
  }

  async read(path: string, position: number, length: number): Promise<Uint8Array> {
    await this.#step();
    return this.#inode(path).current.slice(position, position + length);
  }

  async list(directory: string): Promise<readonly FileFacts[]> {
    await this.#step();
    return [...this.#names]
      .filter(([path]) => dirname(path) === directory)
      .map(([path, { current }]) => ({ name: basename(path), bytes: current.length, modifiedMs: 0 }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async append(path: string, bytes: Uint8Array): Promise<void> {
    const file = this.#names.has(path) ? await this.open(path) : await this.create(path);
    await file.write(bytes, this.#inode(path).current.length);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    this.#names.set(to, this.#inode(from));
    this.#names.delete(from);
  }

  async remove(path: string): Promise<void> {
    await this.#step();
    this.#inode(path);
    this.#names.delete(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#step();
    if (this.#options.ignoresSync) return;
    for (const path of [...this.#syncedNames.keys()]) if (dirname(path) === directory) this.#syncedNames.delete(path);
    for (const [path, inode] of this.#names) if (dirname(path) === directory) this.#syncedNames.set(path, inode);
  }

  #fileOf(inode: Inode): SpoolFile {
    return {
      write: async (bytes, position) => {
        const copy = bytes.slice();
        await this.#step('write');
        const grown = new Uint8Array(Math.max(inode.current.length, position + copy.length));
        grown.set(inode.current);
        grown.set(copy, position);
        inode.current = grown;
      },
      datasync: async () => {
        await this.#step('datasync');
        if (!this.#options.ignoresSync) inode.synced = inode.current;
      },
      truncate: async (length) => {
        await this.#step();
        inode.current = inode.current.slice(0, length);
      },
      close: () => this.#step(),
    };
  }

  /** The synced bytes, and of the others a part: the page cache writes back when it likes. */
  #leftOf({ synced, current }: Inode): Uint8Array {
    const extra = Math.max(0, current.length - synced.length);
    return current.slice(0, Math.min(current.length, synced.length) + Math.floor(this.#options.random() * (extra + 1)));
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError('ENOENT', path);
    return inode;
  }

  async #step(operation?: 'write' | 'datasync' | 'create'): Promise<void> {
    this.operations += 1;
    await turn();
    if (this.#isOff) await new Promise<never>(() => undefined);
    if (operation !== undefined && this.#fault?.operation === operation) throw systemError(this.#fault.code, operation);
  }
}

function systemError(code: string, about: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${about}`), { code });
}
