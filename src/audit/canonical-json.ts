/** Canonical JSON by RFC 8785: keys in the order of their UTF-16 code units, numbers as ECMAScript writes them, no white space. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * The one text of a value: what was parsed, laid out anew and written by others gives the same text again.
 * @throws {TypeError} where it has none: a number that is not finite, or half of a surrogate pair
 */
export function canonicalize(value: Json): string {
  if (typeof value === 'string') return canonicalText(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('a number beyond what JSON can hold');
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalize).join(',')}]`;
  const object = value;
  const members = Object.keys(object)
    .sort()
    .map((name) => `${canonicalText(name)}:${canonicalize(object[name] as Json)}`);
  return `{${members.join(',')}}`;
}

/**
 * The canonical text of the value that a text was parsed into: quicker than `canonicalize` where it is that text itself.
 * @throws {TypeError} as `canonicalize` does
 */
export function canonicalOf(text: string, value: Json): string {
  // JSON.stringify keeps the order of names, but for those that are numbers.
  return JSON.stringify(value) === text && isOrdered(value) ? text : canonicalize(value);
}

/** Whether all names are in order, and all texts have a UTF-8. */
function isOrdered(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (isList(value)) return value.every(isOrdered);
  let last = '';
  for (const [name, member] of Object.entries(value)) {
    if (name < last || !name.isWellFormed() || !isOrdered(member)) return false;
    last = name;
  }
  return true;
}

/** Printable ASCII but for `"` and `\\`: its JSON is itself. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A text as JSON. Half of a surrogate pair, which has no UTF-8, becomes U+FFFD. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text.toWellFormed());
}

function canonicalText(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('half of a surrogate pair');
  return JSON.stringify(text);
}

function isList(value: readonly Json[] | { readonly [name: string]: Json }): value is readonly Json[] {
  return Array.isArray(value);
}
