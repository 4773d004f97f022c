import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A place for a spool whose room can be taken away and given back. */
export interface DiskRoom {
  /** How it does that, in words. */
  readonly how: string;
  /** Nothing more can be written there by this process. */
  take(pid: number): void;
  giveBack(pid: number): void;
  remove(): void;
}

const TMPFS = '16m';
const TMPFS_BLOCK_BYTES = 4_096;

/** The best that this machine has; undefined, and why, where it has nothing. */
export function diskRoom(directory: string): DiskRoom | { readonly missing: string } {
  if (process.platform !== 'linux') return { missing: `${process.platform} has neither tmpfs nor prlimit` };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return tmpfs(directory) ?? fileSizeLimit();
}

/** A small file system of its own, filled by another file. Only root may mount one, and not in every container. */
function tmpfs(directory: string): DiskRoom | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS},mode=0700`, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return undefined; // not allowed here: the other way is taken, and said
  }
  const ballast = join(directory, 'ballast');
  return {
    how: `a tmpfs of ${TMPFS} that is filled`,
    take: () => fill(ballast, directory),
    giveBack: () => rmSync(ballast),
    remove: () => execFileSync('umount', ['--lazy', directory]),
  };
}

/** Takes all blocks, while the daemon takes some too. */
function fill(ballast: string, directory: string): void {
  try {
    for (let free = statfsSync(directory).bavail; free > 0; free = statfsSync(directory).bavail) {
      writeFileSync(ballast, Buffer.alloc(free * TMPFS_BLOCK_BYTES, 'b'), { flag: 'a' });
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}

/** A limit for the process: no file may grow beyond nothing. */
function fileSizeLimit(): DiskRoom | { readonly missing: string } {
  const limit = (pid: number, bytes: string): void => void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  try {
    limit(process.pid, 'unlimited');
  } catch (error) {
    return { missing: `no tmpfs can be mounted, and prlimit says: ${error instanceof Error ? error.message : String(error)}` };
  }
  return {
    how: 'a limit for the size of files (RLIMIT_FSIZE of 0)',
    take: (pid) => limit(pid, '0'),
    giveBack: (pid) => limit(pid, 'unlimited'),
    remove: () => undefined,
  };
}
