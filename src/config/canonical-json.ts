import { hash } from 'node:crypto';

/** JSON with the keys of every object in the order of their code units: equal values give equal text. Entries that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (value === undefined) return 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  // Anything but a plain object would lose its content here, and two different values would look equal.
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new TypeError('only plain data has a canonical form');
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
}

/** SHA-256 of the canonical JSON, in hex. */
export function digestOf(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}
