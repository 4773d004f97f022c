/**
 * Writes biome.fences.json, which biome.json extends: one complete set of forbidden imports for each folder of the floor table, so
 * that an editor marks a wrong import as it is typed. The sets do not overlap, because a later override replaces an earlier one.
 */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import {
  type Floor,
  type FloorTable,
  fromRoot,
  matches,
  type PackageRule,
  permittedCrypto,
  readFloorTable,
  SIGNING_FILES,
} from './floor-table.ts';
import { writeOrCheck } from './generated-file.ts';

/** Files under one set of rules. */
interface Place {
  readonly includes: readonly string[];
  /** The folder the files lie in, as their imports see it. */
  readonly directory: string;
  /** A path for which the tables are asked. */
  readonly sample: string;
  readonly floor: Floor;
}

/** What a set of files may not import. */
interface Fenced {
  readonly includes: readonly string[];
  readonly files: readonly object[];
  readonly forbidden: readonly string[];
  readonly allowed: readonly string[];
}

const PACKAGE_MESSAGE = 'ARCHITECTURE.md says where this package belongs';

const table = readFloorTable(readFileSync('ARCHITECTURE.md', 'utf8'));
const floors = table.floors.filter(({ folder }) => folder.startsWith('src/') && folder !== 'src/gen');
const overrides = [everywhere(table), ...floors.flatMap((floor) => placesOf(floor).map((place) => fence(place, table)))];
writeOrCheck('biome.fences.json', `${JSON.stringify({ overrides }, null, 2)}\n`);

/** A folder without a row may import nothing; every row below replaces this. */
function everywhere({ packageRules }: FloorTable): object {
  const files = [{ group: ['../**'], message: 'this folder has no row in ARCHITECTURE.md' }];
  return override({ includes: ['src/**/*.ts'], files, forbidden: packageRules.flatMap((rule) => rule.packages), allowed: [] });
}

/** A row's own files, those one folder deeper, and the single files that a package, or signing, belongs to. */
function placesOf(floor: Floor): Place[] {
  const { folder } = floor;
  const files = [...new Set([...table.packageRules.flatMap((rule) => rule.onlyIn.map(fromRoot)), ...SIGNING_FILES])].filter(
    (pattern) => pattern.endsWith('.ts') && matches(folder, pattern),
  );
  const special = files.map((file) => ({ includes: [file], directory: posix.dirname(file), sample: file, floor }));
  const own = {
    includes: [`${folder}/*.ts`, ...files.map((file) => `!${file}`)],
    directory: folder,
    sample: `${folder}/file.ts`,
    floor,
  };
  if (hasRowsBelow(folder)) return [own, ...special.filter(({ sample }) => posix.dirname(sample) === folder)];
  const deeper = {
    includes: [`${folder}/*/**/*.ts`, ...files.map((file) => `!${file}`)],
    directory: `${folder}/deeper`,
    sample: `${folder}/deeper/file.ts`,
    floor,
  };
  return [own, ...special, deeper];
}

function hasRowsBelow(folder: string): boolean {
  return table.floors.some((other) => other.folder.startsWith(`${folder}/`));
}

function fence(place: Place, { packageRules }: FloorTable): object {
  const isAllowed = (rule: PackageRule): boolean => rule.onlyIn.some((pattern) => matches(fromRoot(pattern), place.sample));
  const packagesOf = (rules: readonly PackageRule[]): string[] => rules.flatMap((rule) => rule.packages);
  return override({
    includes: place.includes,
    files: forbiddenFiles(place),
    forbidden: packagesOf(packageRules.filter((rule) => !isAllowed(rule))),
    allowed: packagesOf(packageRules.filter(isAllowed)),
  });
}

function forbiddenFiles({ floor, directory }: Place): object[] {
  if (floor.mayImport === 'everything') return [];
  const outside = `${posix.relative(directory, posix.dirname(floor.folder))}/**`;
  const permitted = floor.mayImport.map(({ pattern }) => {
    const path = posix.relative(directory, fromRoot(pattern));
    const specifier = path.startsWith('.') ? path : `./${path}`;
    return specifier.endsWith('.ts') ? `!${specifier}` : `!${specifier}/**`;
  });
  const below = hasRowsBelow(floor.folder) ? ['./*/**'] : [];
  return [{ group: [outside, ...below, ...permitted], message: `ARCHITECTURE.md says what ${floor.folder} may import` }];
}

function override(fenced: Fenced): object {
  const paths = { ...exactPackages(fenced.forbidden), ...(isCipher(fenced) ? {} : cryptoFence(fenced)) };
  const scopes = fenced.forbidden.map((name) => (name.endsWith('/*') ? `${name}*` : `${name}/**`));
  // `@opentelemetry/*` may be forbidden where `@opentelemetry/api` is not.
  const packages = { group: [...scopes, ...fenced.allowed.map((name) => `!${name}`)], message: PACKAGE_MESSAGE };
  const options = { paths, patterns: [...fenced.files, ...(scopes.length === 0 ? [] : [packages])] };
  return { includes: fenced.includes, linter: { rules: { style: { noRestrictedImports: { level: 'error', options } } } } };
}

function exactPackages(forbidden: readonly string[]): object {
  return Object.fromEntries(forbidden.filter((name) => !name.endsWith('/*')).map((name) => [name, PACKAGE_MESSAGE]));
}

function isCipher({ includes }: Fenced): boolean {
  return includes.some((pattern) => pattern.startsWith('src/cipher/'));
}

function cryptoFence({ includes }: Fenced): object {
  return {
    'node:crypto': { allowImportNames: permittedCrypto(includes[0] ?? ''), message: 'ciphers and MACs belong to src/cipher' },
  };
}
