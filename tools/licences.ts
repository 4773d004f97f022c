/** Judges the licences of a lock file's packages. */

export interface LockEntry {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The `packages` of a package-lock.json, by their place. */
export type LockedPackages = Readonly<Record<string, LockEntry>>;

/** The licence that an installed package states in its own package.json; undefined where it is not installed or states none. */
export type InstalledLicence = (place: string) => string | undefined;

export interface LicenceReport {
  readonly seen: number;
  /** `name@version: licence`, one for each package that may not be used. */
  readonly refused: readonly string[];
}

const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
]);
/** For tools that are not shipped. */
const ALLOWED_FOR_TOOLS: ReadonlySet<string> = new Set([...ALLOWED, 'Python-2.0']);

export function judgeLicences(packages: LockedPackages, installed: InstalledLicence): LicenceReport {
  const places = Object.keys(packages).filter((place) => place.includes('node_modules/') && packages[place]?.link !== true);
  const refused = places.flatMap((place) => {
    const entry = packages[place] as LockEntry;
    const licence = licenceOf(place, packages, installed);
    const allowed = entry.dev === true ? ALLOWED_FOR_TOOLS : ALLOWED;
    if (licence !== undefined && isAllowed(licence, allowed)) return [];
    return [`${nameAt(place)}@${entry.version}: ${licence ?? 'states no licence'}`];
  });
  return { seen: places.length, refused };
}

/**
 * Whether an SPDX expression can be met with allowed licences: one side of every OR, all sides of every AND. What it cannot read
 * it refuses.
 */
export function isAllowed(expression: string, allowed: ReadonlySet<string> = ALLOWED): boolean {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const primary = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && allowed.has(token);
    const inner = either();
    return tokens[at++] === ')' && inner;
  };
  const all = (): boolean => {
    let met = primary();
    while (tokens[at] === 'AND') {
      at++;
      met = primary() && met;
    }
    return met;
  };
  const either = (): boolean => {
    let met = all();
    while (tokens[at] === 'OR') {
      at++;
      met = all() || met;
    }
    return met;
  };
  return either() && at === tokens.length;
}

/** From the lock, else from what is installed. A package for another platform has the licence of the package it is a part of. */
function licenceOf(place: string, packages: LockedPackages, installed: InstalledLicence): string | undefined {
  const entry = packages[place] as LockEntry;
  const stated = entry.license ?? installed(place);
  if (stated !== undefined || entry.optional !== true) return stated;
  const name = nameAt(place);
  const whole = Object.entries(packages).find(([, { optionalDependencies }]) => optionalDependencies?.[name] === entry.version);
  return whole?.[1].license;
}

function nameAt(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
