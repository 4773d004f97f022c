import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { invalidRequest } from './error-types.ts';

/** Texts or bytes by name. A `Map` takes every name; a plain object is for names known beforehand. */
export type Named<Value> = ReadonlyMap<string, Value> | Readonly<Record<string, Value>>;

const NO_PAIRS: Map<string, string> = new Map();

/** @throws {RequestInvalidError} for a name or text that UTF-8 cannot hold, and for what is neither a Map nor a plain object */
export function textsByName(named: Named<string> | undefined, what: string): Map<string, string> {
  if (named === undefined) return NO_PAIRS;
  const map = new Map<string, string>();
  for (const [name, text] of entriesOf(named, what)) {
    map.set(checkedText(name, `the name of ${what}`), checkedText(text, `a value of ${what}`));
  }
  return map;
}

/**
 * Texts become UTF-8.
 * @throws {RequestInvalidError} for a name or text that UTF-8 cannot hold, for what is neither a Map nor a plain object, and for values
 * that are neither text nor bytes
 */
export function bytesByName(named: Named<Uint8Array | string>): Map<string, Uint8Array> {
  const map = new Map<string, Uint8Array>();
  for (const [name, value] of entriesOf(named, 'fields')) {
    map.set(checkedText(name, 'the name of a field'), types.isUint8Array(value) ? value : utf8(value));
  }
  return map;
}

function utf8(value: string): Uint8Array {
  if (typeof value !== 'string') throw invalidRequest('a field is neither bytes nor text');
  return Buffer.from(checkedText(value, 'the text of a field'));
}

/** Of any realm: another one's Map is no instance of ours. What is neither would lose what it holds. */
function entriesOf<Value>(named: Named<Value>, what: string): Iterable<readonly [string, Value]> {
  if (types.isMap(named)) return named as ReadonlyMap<string, Value>;
  if (!isPlain(named)) throw invalidRequest(`${what} is neither a Map nor a plain object`);
  return Object.entries(named);
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Half a surrogate pair has no UTF-8: what is sent in its place would be another text, and two texts could become one. */
export function checkedText(text: string, what: string): string {
  if (typeof text !== 'string') throw invalidRequest(`${what} is no text`);
  if (!text.isWellFormed()) throw invalidRequest(`${what} is not well-formed Unicode`);
  return text;
}

/** @throws {RequestInvalidError} for anything but a `Uint8Array`, such as a Buffer: what else has a length would be sent as zeros */
export function checkedBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (!types.isUint8Array(bytes)) throw invalidRequest(`${what} is no Uint8Array`);
  return bytes;
}

export function checkedDate(date: Date, what: string): Date {
  if (!types.isDate(date) || Number.isNaN(date.getTime())) throw invalidRequest(`${what} is no valid Date`);
  return date;
}

/** What is said in place of a `TypeError` in the words of an engine. */
export function checkedObject<T extends object>(value: T, what: string): T {
  if (typeof value !== 'object' || value === null) throw invalidRequest(`${what} is no object`);
  return value;
}

export function checkedArray<T>(values: readonly T[], what: string): readonly T[] {
  if (!Array.isArray(values)) throw invalidRequest(`${what} are no array`);
  return values;
}

/** @param ms in milliseconds, of a call or of the waits of a stream */
export function checkedTimeout(ms: number): number {
  if (!(ms > 0)) throw invalidRequest('timeoutMs is not a number above 0');
  return ms;
}
