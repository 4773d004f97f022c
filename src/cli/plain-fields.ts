import { Buffer } from 'node:buffer';
import { fromBase64 } from './base64.ts';
import { fieldCalled } from './document.ts';
import { UsageError } from './failure.ts';
import { readFileBytes } from './input.ts';
import { entriesOf, invalid, parseJson, textOf } from './json-input.ts';

const WHAT = 'the input';

export interface PlainFormat {
  /** Values are base64 rather than text. */
  readonly isBase64: boolean;
}

/** The fields of a JSON object of texts. @throws {KeysideError} REQUEST_INVALID */
export function parsePlainFields(bytes: Uint8Array, format: PlainFormat): ReadonlyMap<string, Uint8Array> {
  return new Map(
    entriesOf(parseJson(bytes, WHAT), WHAT).map(([name, value]) => {
      const what = fieldCalled(name);
      return [textOf(name, 'a field name'), valueBytes(textOf(value, what), what, format)];
    }),
  );
}

/**
 * The fields of `--field name=text` and `--field name=@file`; `name=@@text` is a text that begins with `@`. A file's content is taken
 * as it is.
 * @throws {UsageError} without `=` or for a name given twice; {KeysideError} REQUEST_INVALID where a file cannot be read
 */
export async function readFieldOptions(
  options: readonly string[],
  format: PlainFormat,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const fields = new Map<string, Uint8Array>();
  for (const option of options) {
    const at = option.indexOf('=');
    if (at < 0) throw new UsageError(`--field must be name=text or name=@file`);
    const name = option.slice(0, at);
    if (fields.has(name)) throw new UsageError(`--field ${JSON.stringify(name)} is given twice`);
    fields.set(name, await optionBytes(option.slice(at + 1), fieldCalled(name), format));
  }
  return fields;
}

async function optionBytes(value: string, what: string, format: PlainFormat): Promise<Uint8Array> {
  if (value.startsWith('@') && !value.startsWith('@@')) return readFileBytes(value.slice(1));
  return valueBytes(value.replace(/^@@/, '@'), what, format);
}

function valueBytes(text: string, what: string, { isBase64 }: PlainFormat): Uint8Array {
  return isBase64 ? fromBase64(text, what) : Buffer.from(text);
}

/** Both together. @throws {KeysideError} REQUEST_INVALID where both name a field */
export function mergeFields(
  a: ReadonlyMap<string, Uint8Array>,
  b: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  for (const name of b.keys()) {
    if (a.has(name)) throw invalid(`${fieldCalled(name)} is in the input and in --field`);
  }
  return new Map([...a, ...b]);
}
