import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** How often the owner shows that it lives, and after what silence it is taken for dead, in milliseconds. */
const BEAT_MS = 5_000;
const DEAD_AFTER_MS = 30_000;

interface Owner {
  readonly id: string;
  readonly pid: number;
  /** When the process began, in ticks since the boot; '' where the system does not tell. */
  readonly startedAt: string;
  readonly host: string;
}

/** Sees to it that one process writes to a spool. A process that died leaves its lock behind; the next one sees that and takes it over. */
export class SpoolLock {
  readonly #file: string;
  readonly #owner: Owner;
  readonly #beat: NodeJS.Timeout;

  private constructor(file: string, owner: Owner) {
    this.#file = file;
    this.#owner = owner;
    this.#beat = setInterval(() => void this.#show(), BEAT_MS).unref();
  }

  /**
   * Takes the lock of a directory that exists.
   * @throws {Error} naming the process that has it
   */
  static async take(directory: string): Promise<SpoolLock> {
    const file = join(directory, 'lock');
    const owner: Owner = { id: randomUUID(), pid: process.pid, startedAt: await startOf(process.pid), host: hostname() };
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await make(file, owner)) return new SpoolLock(file, owner);
      const other = await readOwner(file);
      if (other !== undefined && (await isAlive(file, other))) {
        throw new Error(
          `process ${other.pid} on ${other.host} writes to ${directory}: each daemon needs an audit.directory of its own`,
        );
      }
      await removeDead(file, other);
    }
    throw new Error(`${file} is made again as often as it is removed: several daemons were given this audit.directory`);
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    clearInterval(this.#beat);
    const present = await readOwner(this.#file);
    if (present?.id === this.#owner.id) await rm(this.#file, { force: true });
  }

  async #show(): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.#file, now, now);
    } catch (error) {
      // Gone or on a broken disk: the next write to the spool says so.
      if (!(error instanceof Error)) throw error;
    }
  }
}

/** The process that writes to a spool; undefined where none does. For whoever only looks: a daemon takes the lock. */
export async function lockHolder(directory: string): Promise<{ readonly pid: number; readonly host: string } | undefined> {
  const file = join(directory, 'lock');
  const owner = await readOwner(file);
  if (owner === undefined) return undefined;
  try {
    return (await isAlive(file, owner)) ? { pid: owner.pid, host: owner.host } : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined; // given back in the meantime
    throw error;
  }
}

/** Makes the lock with its content at once, so that nobody finds it empty; false where there is one. */
async function make(file: string, owner: Owner): Promise<boolean> {
  const own = `${file}.${owner.id}`;
  await writeFile(own, JSON.stringify(owner), { mode: 0o600 });
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes the lock of `dead`, and no other: in the meantime another process may have taken it over. */
async function removeDead(file: string, dead: Owner | undefined): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (moved !== undefined && moved.id !== dead?.id) await make(file, moved);
  await rm(aside, { force: true });
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    // Given back in the meantime, or torn by a crash: nobody's.
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** On this host the process table tells; of another host, whether it has shown itself lately. */
async function isAlive(file: string, owner: Owner): Promise<boolean> {
  if (owner.host === hostname()) return isRunning(owner.pid) && (await startOf(owner.pid)) === owner.startedAt;
  const shown = (await stat(file)).mtimeMs;
  return Math.abs(Date.now() - shown) < DEAD_AFTER_MS;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

const START_FIELD = 19;

/** When a process began: a number is given to another process sooner or later, and in a container it is always the same. */
async function startOf(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? '';
  } catch {
    return ''; // not Linux: the process's number must do
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
