/**
 * Which test files share a process. To start one costs half a second of loading, which is more than most files take; so the files of one
 * folder, which load the same modules, share one. A file that would be heard by its neighbours has one of its own.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Group {
  /** The folder, or the file that has the process for itself. */
  readonly name: string;
  readonly files: readonly string[];
  /** Why a file has a process of its own. */
  readonly reason?: string;
}

/** Starts daemons, and looks at what they do to the machine. */
const EACH_BY_ITSELF = /^test\/integration\//;

const ALONE: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  {
    pattern: /^(before|after|beforeEach|afterEach)\(/m,
    reason: 'has hooks outside of a suite, which run around every test of a process',
  },
  { pattern: /^process\.env\b/m, reason: 'sets the environment that its imports read' },
];

/**
 * The groups of all test files in these folders, or of these files: in the order of the arguments, in each the largest group first, since
 * what begins last should be short.
 *
 * @throws Error where an argument holds no test file
 */
export function groupTests(places: readonly string[]): Group[] {
  const groups = places.map((place) => {
    const files = place.endsWith('.test.ts') ? globSync(place) : globSync(`${place}/**/*.test.ts`);
    if (files.length === 0) throw new Error(`no test file in ${place}`);
    return groupFiles(files.sort());
  });
  return groups.flat();
}

function groupFiles(files: readonly string[]): Group[] {
  const folders = new Map<string, string[]>();
  const alone: Group[] = [];
  for (const file of files) {
    const reason = reasonToBeAlone(file);
    if (reason !== undefined) alone.push({ name: file, files: [file], reason });
    else folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), file]);
  }
  const shared = [...folders].map(([name, members]) => ({ name, files: members }));
  return [...shared, ...alone].sort((a, b) => b.files.length - a.files.length);
}

function reasonToBeAlone(file: string): string | undefined {
  if (EACH_BY_ITSELF.test(file)) return 'starts daemons';
  const source = readFileSync(file, 'utf8');
  return ALONE.find(({ pattern }) => pattern.test(source))?.reason;
}
