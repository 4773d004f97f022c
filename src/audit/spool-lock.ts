import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** How often the owner shows that it lives, and after what silence it is taken for dead, in milliseconds. */
const BEAT_MS = 2_000;
const SILENCE_MS = 10_000;

interface Owner {
  readonly id: string;
  readonly pid: number;
  /** When the process began, in ticks since the boot; '' where the system does not tell. */
  readonly startedAt: string;
  readonly host: string;
  /** Within which the number of the process means something: containers of one pod share a host and not this. */
  readonly namespace: string;
}

/** Sees to it that one process writes to a spool. A process that died leaves its lock behind; the next one sees that and takes it over. */
export class SpoolLock {
  readonly #file: string;
  readonly #owner: Owner;
  readonly #beat: NodeJS.Timeout;
  #shownAtMs = performance.now();
  #isLost = false;

  private constructor(file: string, owner: Owner) {
    this.#file = file;
    this.#owner = owner;
    this.#beat = setInterval(() => void this.#show(), BEAT_MS).unref();
  }

  /**
   * Takes the lock of a directory that exists. Where a process that cannot be seen from here has it, that takes some time.
   * @param silenceMs for how long such a process is watched
   * @throws {Error} naming the process that has it
   */
  static async take(directory: string, silenceMs = SILENCE_MS): Promise<SpoolLock> {
    const file = join(directory, 'lock');
    const { pid } = process;
    const place = { host: hostname(), namespace: await namespaceOfProcesses() };
    const owner: Owner = { id: randomUUID(), pid, startedAt: await startOf(pid), ...place };
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await make(file, owner)) return new SpoolLock(file, owner);
      const other = await readOwner(file);
      if (other !== undefined && (await isAlive(file, other, silenceMs))) {
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

  /**
   * To be asked before each write: whoever was stopped for so long that another took him for dead must not go on.
   * @returns undefined where that cannot have been; else rejects where the lock is another's
   */
  assertHeld(): Promise<void> | undefined {
    if (!this.#isLost && performance.now() - this.#shownAtMs < SILENCE_MS / 2) return undefined;
    return this.#show().then(() => {
      if (this.#isLost) throw new Error(`${this.#file} is another process's by now: this one was silent for too long`);
    });
  }

  async #show(): Promise<void> {
    const askedAtMs = performance.now();
    try {
      if ((await readOwner(this.#file))?.id !== this.#owner.id) {
        this.#isLost = true;
        return;
      }
      const now = new Date();
      await utimes(this.#file, now, now);
      this.#shownAtMs = askedAtMs;
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
    const isSeen = await isHere(owner);
    const isAlive = isSeen ? await isRunning(owner) : Date.now() - (await shownAt(file)) < SILENCE_MS;
    return isAlive ? { pid: owner.pid, host: owner.host } : undefined;
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

/** Here the process table tells; elsewhere whether it shows itself, which takes as long as it may be silent. */
async function isAlive(file: string, owner: Owner, silenceMs: number): Promise<boolean> {
  if (await isHere(owner)) return isRunning(owner);
  const before = await shownAt(file);
  // The clock of another container of this host is our own; that of another host may be any.
  if (owner.host === hostname() && Date.now() - before > silenceMs) return false;
  for (let waitedMs = 0; waitedMs < silenceMs; waitedMs += silenceMs / LOOKS) {
    await pause(silenceMs / LOOKS);
    if ((await shownAt(file)) !== before) return true;
  }
  return false;
}

const LOOKS = 20;

async function shownAt(file: string): Promise<number> {
  return (await stat(file)).mtimeMs;
}

async function isHere({ host, namespace }: Owner): Promise<boolean> {
  return host === hostname() && namespace === (await namespaceOfProcesses());
}

async function isRunning({ pid, startedAt }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false;
  }
  return (await startOf(pid)) === startedAt;
}

/** '' where the system has no such thing. */
function namespaceOfProcesses(): Promise<string> {
  return readlink('/proc/self/ns/pid').catch(() => '');
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
