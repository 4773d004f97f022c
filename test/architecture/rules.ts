import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { type Floor, type FloorTable, floorOf, fromRoot, matches, permittedCrypto } from '../../tools/floor-table.ts';
import { type Finding, type ModuleImport, type ScannedModule, scanModule } from './module-scan.ts';

/** Sources by path from the root of the repository. */
export type Sources = ReadonlyMap<string, string>;

export interface Violation {
  /** `src/a.ts:3` */
  readonly at: string;
  readonly what: string;
}

export interface Judgement {
  readonly files: number;
  readonly imports: number;
  readonly violations: readonly Violation[];
}

const MAX_LINES = 400;
/** Findings that are permitted in some places. */
const PERMITTED_IN: Partial<Record<Finding, readonly string[]>> = {
  'process.env': ['src/main', 'clients/typescript/src/connection.ts'],
  'signal handler': ['src/main'],
  WebCrypto: ['src/cipher'],
};

interface PlacedImport extends ModuleImport {
  readonly from: string;
}

/** Judges every file and import of `src` and the clients by the floor table. Generated files are read, but may be as they are. */
export function judge(sources: Sources, table: FloorTable): Judgement {
  const modules = new Map([...sources].map(([path, source]) => [path, scanModule(path, source)]));
  const imports = [...modules].flatMap(([from, module]) => module.imports.map((each) => ({ ...each, from })));
  const violations = [
    ...[...modules].flatMap(([path, module]) => fileViolations(path, module, table)),
    ...imports.flatMap((each) => importViolations(each, table, sources)),
    ...cycles(sources, imports),
  ];
  return { files: modules.size, imports: imports.length, violations };
}

function fileViolations(path: string, module: ScannedModule, table: FloorTable): Violation[] {
  if (isGenerated(path)) return [];
  const found: Violation[] = [];
  if (floorOf(table, path) === undefined) found.push({ at: path, what: 'lies in a folder without a row in the floor table' });
  if (module.lines > MAX_LINES) found.push({ at: path, what: `has ${module.lines} lines, at most ${MAX_LINES} are allowed` });
  for (const { line, what } of module.findings) {
    if (isPackageEntry(path) && what === 're-exports only') continue;
    const permitted = PERMITTED_IN[what]?.some((folder) => matches(folder, path)) ?? false;
    if (!permitted) found.push({ at: `${path}:${line}`, what });
  }
  return found;
}

function importViolations(each: PlacedImport, table: FloorTable, sources: Sources): Violation[] {
  const fault = each.specifier.startsWith('.') ? fileFault(each, table, sources) : packageFault(each, table);
  return fault === undefined ? [] : [{ at: `${each.from}:${each.line}`, what: fault }];
}

function fileFault(each: PlacedImport, table: FloorTable, sources: Sources): string | undefined {
  const target = resolve(each);
  if (!sources.has(target)) return `imports ${target}, which is no source file here`;
  const floor = floorOf(table, each.from);
  // A file without a row is a violation already.
  if (floor === undefined || floor.mayImport === 'everything') return undefined;
  if (floorOf(table, target) === floor && isSameFolder(floor, each.from, target)) return undefined;
  const permissions = floor.mayImport.filter(({ pattern }) => matches(fromRoot(pattern), target));
  if (permissions.length === 0) return `may not import ${target}`;
  if (!each.typesOnly && permissions.every((permission) => permission.typesOnly)) return `may import types only of ${target}`;
  return undefined;
}

/** A row with a `*` stands for several folders: two files of it may lie in different ones. */
function isSameFolder({ folder }: Floor, from: string, target: string): boolean {
  const depth = folder.split('/').length;
  return from.split('/', depth).join('/') === target.split('/', depth).join('/');
}

function packageFault(each: PlacedImport, table: FloorTable): string | undefined {
  if (isBuiltin(each.specifier)) return builtinFault(each);
  if (!each.from.startsWith('src/')) return undefined;
  const name = each.specifier.split('/', each.specifier.startsWith('@') ? 2 : 1).join('/');
  const rules = table.packageRules.flatMap((rule) => rule.packages.map((pattern) => ({ pattern, onlyIn: rule.onlyIn })));
  const rule =
    rules.find(({ pattern }) => pattern === name) ??
    rules.find(({ pattern }) => pattern.endsWith('/*') && name.startsWith(pattern.slice(0, -1)));
  if (rule === undefined) return `imports ${name}, a package without a row in the package table`;
  if (rule.onlyIn.some((place) => matches(fromRoot(place), each.from))) return undefined;
  return `may not import ${name}, which belongs to ${rule.onlyIn.join(', ')}`;
}

function builtinFault(each: PlacedImport): string | undefined {
  const name = each.specifier.replace(/^node:/, '');
  if (name === 'crypto' && !each.typesOnly && !matches('src/cipher', each.from) && each.from.startsWith('src/')) {
    const taken = each.names.filter((taken) => !permittedCrypto(each.from).includes(taken));
    if (taken.length > 0) return `takes ${taken.join(', ')} from node:crypto, which is for src/cipher`;
  }
  if (name === 'process' && each.names.includes('env') && !matches('src/main', each.from)) return 'process.env';
  return undefined;
}

/** Every strongly connected set of files, types included, as one violation each. */
function cycles(sources: Sources, imports: readonly PlacedImport[]): Violation[] {
  const targets = new Map<string, string[]>([...sources.keys()].map((path) => [path, []]));
  for (const each of imports) {
    const target = each.specifier.startsWith('.') ? resolve(each) : undefined;
    if (target !== undefined && targets.has(target)) targets.get(each.from)?.push(target);
  }
  const reach = new Map([...targets.keys()].map((path) => [path, reachable(path, targets)]));
  const inCycle = [...targets.keys()].filter((path) => reach.get(path)?.has(path)).sort();
  const rings = inCycle.map((path) =>
    inCycle.filter((other) => reach.get(path)?.has(other) && reach.get(other)?.has(path)).join(' → '),
  );
  return [...new Set(rings)].map((ring) => ({ at: ring, what: 'import each other' }));
}

function reachable(start: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...(targets.get(start) ?? [])];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    open.push(...(targets.get(path) ?? []));
  }
  return seen;
}

function resolve(each: PlacedImport): string {
  return posix.join(posix.dirname(each.from), each.specifier);
}

function isGenerated(path: string): boolean {
  return /^(src|clients\/[^/]+\/src)\/gen\//.test(path);
}

/** The file a package is imported by: there a list of re-exports is the public API. */
function isPackageEntry(path: string): boolean {
  return /^clients\/[^/]+\/src\/index\.ts$/.test(path);
}
