import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Finding, fail, ok } from './finding.ts';

/** Who must not do what with a file. */
interface Rule {
  /** Bits that must not be set. */
  readonly forbidden: number;
  readonly says: string;
  readonly mode: string;
}

const OTHERS_WRITE = 0o002;
const OTHERS_READ = 0o006;
const NOT_OWNER = 0o077;
const STICKY = 0o1000;

const RULES = {
  /** Who can write it decides whose key encrypts. */
  configuration: { forbidden: OTHERS_WRITE, says: 'every user of this machine may change it', mode: 'o-w' },
  secret: { forbidden: OTHERS_READ, says: 'every user of this machine may read it', mode: 'o-rwx' },
  keyStore: { forbidden: NOT_OWNER, says: 'others than its owner may open it, and the daemon refuses it', mode: '600' },
} as const satisfies Record<string, Rule>;

export type FileKind = keyof typeof RULES;

/** A file to look at, and what it is to be called. */
export interface FileToCheck {
  readonly path: string;
  readonly kind: FileKind;
  readonly what: string;
}

/** Undefined where there is no such file, and on systems without such modes: what needs the file says so itself. */
export function checkMode({ path, kind, what }: FileToCheck): Finding | undefined {
  const stats = statOf(path);
  if (stats === undefined || process.getuid === undefined) return undefined;
  const { forbidden, says, mode } = RULES[kind];
  const shown = `mode 0${(stats.mode & 0o777).toString(8)}`;
  if ((stats.mode & forbidden) !== 0) return fail(what, `${path} has ${shown}: ${says}`, `chmod ${mode} ${path}`);
  const folder = dirname(path);
  if (canReplace(folder)) {
    return fail(what, `every user of this machine may replace files in ${folder}`, `chmod o-w ${folder}`);
  }
  return ok(what, `${path} has ${shown}`);
}

/** Why a file cannot be read, in words; undefined where it can. */
export function readFailure(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isMissing ? 'does not exist' : 'cannot be read by this user';
  }
}

/** Whoever may write to a folder may put another file in the place of one, unless the sticky bit is set. */
function canReplace(folder: string): boolean {
  const mode = statOf(folder)?.mode ?? 0;
  return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
