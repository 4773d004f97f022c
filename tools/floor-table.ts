/**
 * Reads the two tables of ARCHITECTURE.md that say who may import whom: which folders a folder may import, and where a package may
 * be imported. The fences of Biome are generated from them and the architecture test judges every import by them.
 */

export interface Permission {
  /** A folder or file below `src` (or below the root, for `clients/…`); `*` stands for one path segment. */
  readonly pattern: string;
  readonly typesOnly: boolean;
}

export interface Floor {
  /** As written in the table, e.g. `src/core` or `src/kms/*`. */
  readonly folder: string;
  readonly mayImport: readonly Permission[] | 'everything';
}

export interface PackageRule {
  /** Names, or scopes such as `@aws-sdk/*`. */
  readonly packages: readonly string[];
  readonly onlyIn: readonly string[];
}

export interface FloorTable {
  readonly floors: readonly Floor[];
  readonly packageRules: readonly PackageRule[];
}

/** What of node:crypto computes neither ciphertexts, MACs nor keys, and so is free outside `src/cipher`. */
const HARMLESS_CRYPTO: readonly string[] = [
  'createHash',
  'Hash',
  'hash',
  'randomBytes',
  'randomFillSync',
  'randomUUID',
  'timingSafeEqual',
  'X509Certificate',
];

/** The files outside `src/cipher` that sign: checkpoints of the audit trail, and certificates of the injector's webhook. */
export const SIGNING_FILES: readonly string[] = ['src/audit/signing-key.ts', 'src/injector/certificates/authority.ts'];

const SIGNING_CRYPTO: readonly string[] = [
  'createPrivateKey',
  'createPublicKey',
  'generateKeyPairSync',
  'KeyObject',
  'sign',
  'verify',
];

/** What of node:crypto a file outside `src/cipher` may take. */
export function permittedCrypto(path: string): readonly string[] {
  return SIGNING_FILES.includes(path) ? [...HARMLESS_CRYPTO, ...SIGNING_CRYPTO] : HARMLESS_CRYPTO;
}

/** @throws {Error} where a table is missing, a row is unreadable, or a folder stands in two rows */
export function readFloorTable(markdown: string): FloorTable {
  const floors = rowsOf(markdown, ['folder', 'holds', 'may import']).map(([folder = '', , mayImport = '']) => ({
    folder: onlyName(folder),
    mayImport: permissions(mayImport),
  }));
  const packageRules = rowsOf(markdown, ['package', 'only in', 'for']).map(([packages = '', onlyIn = '']) => ({
    packages: names(packages),
    onlyIn: names(onlyIn),
  }));
  const folders = floors.map((floor) => floor.folder);
  const twice = folders.find((folder, index) => folders.indexOf(folder) !== index);
  if (twice !== undefined) throw new Error(`the floor table names ${twice} twice`);
  return { floors, packageRules };
}

/** The row that governs a file: the one whose folder is deepest. Undefined for a file outside the table. */
export function floorOf(table: FloorTable, path: string): Floor | undefined {
  return table.floors
    .filter((floor) => matches(floor.folder, path))
    .sort((a, b) => b.folder.split('/').length - a.folder.split('/').length)[0];
}

/** Whether a path lies in the folder, or is the file, that the pattern names. */
export function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const actual = path.split('/');
  if (actual.length < wanted.length || (wanted.at(-1)?.endsWith('.ts') && actual.length !== wanted.length)) return false;
  return wanted.every((segment, index) => {
    const expression = segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    // A folder pattern ends in a folder: `kms/*` is a provider's folder, not the file `kms/guard.ts`.
    if (segment === '*' && index === actual.length - 1) return false;
    return new RegExp(`^${expression}$`).test(actual[index] as string);
  });
}

/** What a pattern of the table means from the root of the repository. */
export function fromRoot(pattern: string): string {
  return pattern.startsWith('clients/') || pattern.startsWith('src/') ? pattern : `src/${pattern}`;
}

function rowsOf(markdown: string, heading: readonly string[]): string[][] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => cells(line).join('|') === heading.join('|'));
  if (start < 0) throw new Error(`ARCHITECTURE.md has no table with the columns ${heading.join(', ')}`);
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    const row = cells(line);
    if (row.length !== heading.length) break;
    rows.push(row);
  }
  if (rows.length === 0) throw new Error(`the table with the columns ${heading.join(', ')} is empty`);
  return rows;
}

function cells(line: string): string[] {
  if (!line.startsWith('|')) return [];
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function permissions(cell: string): readonly Permission[] | 'everything' {
  if (cell === 'everything') return 'everything';
  if (cell === 'nothing') return [];
  const found = [...cell.matchAll(/(types of )?`([^`]+)`/g)].map(([, types, pattern]) => ({
    pattern: pattern as string,
    typesOnly: types !== undefined,
  }));
  if (found.length === 0) throw new Error(`cannot read the permissions "${cell}"`);
  return found;
}

function names(cell: string): string[] {
  const found = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
  if (found.length === 0) throw new Error(`cannot read the names in "${cell}"`);
  return found;
}

function onlyName(cell: string): string {
  const [name, ...more] = names(cell);
  if (name === undefined || more.length > 0) throw new Error(`a row stands for one folder, not "${cell}"`);
  return name;
}
