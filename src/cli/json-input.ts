import { KeysideError } from '../core/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses JSON whose every part counts: an object that names a key twice is refused, since one of the values would be lost. Messages
 * never quote the text, for it may be a secret.
 * @throws {KeysideError} REQUEST_INVALID, saying `what` the bytes were meant to be
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  const text = decode(bytes, what);
  const value = parse(text, what);
  const twice = keyGivenTwice(text);
  if (twice !== undefined) throw invalid(`${what} names ${JSON.stringify(twice)} twice`);
  return value;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid(`${what} is not UTF-8`);
  }
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /\(line \d+ column \d+\)/.exec(error instanceof Error ? error.message : '')?.[0];
    throw invalid(`${what} is not JSON${place === undefined ? '' : `: see ${place.slice(1, -1)}`}`);
  }
}

/** `JSON.parse` keeps the last of two values under one key and says nothing. Precondition: the text is JSON. */
function keyGivenTwice(text: string): string | undefined {
  const open: Set<string>[] = [];
  let quoted = '';
  for (const token of tokensOf(text)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token !== ':') quoted = token;
    else {
      const key = JSON.parse(quoted) as string;
      const seen = open.at(-1);
      if (seen?.has(key)) return key;
      seen?.add(key);
    }
  }
  return undefined;
}

/** The quoted texts of JSON, and the braces and colons between them. */
function* tokensOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const start = at;
      at += 1;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      yield text.slice(start, at + 1);
    } else if (character === '{' || character === '}' || character === ':') yield character;
  }
}

/** The entries of a JSON object, `__proto__` too. @throws {KeysideError} REQUEST_INVALID */
export function entriesOf(value: unknown, what: string): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} must be a JSON object`);
  return Object.entries(value);
}

/** @throws {KeysideError} REQUEST_INVALID for what is no text, or no text that UTF-8 can hold */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} must be a text in quotes`);
  if (!value.isWellFormed()) throw invalid(`${what} is not well-formed Unicode`);
  return value;
}

/** A refusal of what the command was given to read. */
export function invalid(message: string): KeysideError {
  return new KeysideError('REQUEST_INVALID', message);
}
