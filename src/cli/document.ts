import { fromBase64, toBase64 } from './base64.ts';
import { entriesOf, invalid, parseJson, textOf } from './json-input.ts';

/** An encrypted document as `encrypt` prints and `decrypt` reads it. */
export interface Document {
  /** Undefined where whoever wrote the document left it out. */
  readonly tenantId: string | undefined;
  readonly edek: Uint8Array;
  readonly fields: ReadonlyMap<string, Uint8Array>;
  /** Undefined: none was given. */
  readonly context: ReadonlyMap<string, string> | undefined;
}

const WHAT = 'the document';
const KEYS = ['tenantId', 'edek', 'fields', 'context'];

/** One line of JSON; bytes are base64. */
export function renderDocument({ tenantId, edek, fields, context }: Document): string {
  return JSON.stringify({
    tenantId,
    edek: toBase64(edek),
    fields: toObject(fields, toBase64),
    context: context && context.size > 0 ? toObject(context, (value) => value) : undefined,
  });
}

/** A plain object, `__proto__` among its own keys where the map has it. */
export function toObject<Value>(map: ReadonlyMap<string, Value>, render: (value: Value) => string): Record<string, string> {
  return Object.fromEntries([...map].map(([name, value]) => [name, render(value)]));
}

/** @throws {KeysideError} REQUEST_INVALID, naming what is wrong; a key that is not known is refused, for it may be a misspelt one */
export function parseDocument(bytes: Uint8Array): Document {
  const parts = new Map(entriesOf(parseJson(bytes, WHAT), WHAT));
  for (const key of parts.keys()) {
    if (!KEYS.includes(key)) throw invalid(`${WHAT} has ${JSON.stringify(key)}, which is none of ${KEYS.join(', ')}`);
  }
  const { tenantId, edek, fields, context } = Object.fromEntries(parts);
  if (edek === undefined) throw invalid(`${WHAT} has no edek`);
  return {
    tenantId: tenantId === undefined ? undefined : textOf(tenantId, 'tenantId'),
    edek: fromBase64(textOf(edek, 'edek'), 'edek'),
    fields: ciphertexts(fields ?? {}),
    context: context === undefined ? undefined : pairs(context),
  };
}

function ciphertexts(value: unknown): ReadonlyMap<string, Uint8Array> {
  return new Map(
    entriesOf(value, 'fields').map(([name, text]) => {
      const what = fieldCalled(name);
      return [textOf(name, 'a field name'), fromBase64(textOf(text, what), what)];
    }),
  );
}

function pairs(value: unknown): ReadonlyMap<string, string> {
  return new Map(
    entriesOf(value, 'context').map(([key, text]) => [textOf(key, 'a context key'), textOf(text, 'a context value')]),
  );
}

/** The field in a message; a name may be long and hold anything. */
export function fieldCalled(name: string): string {
  return `field ${JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)}`;
}
