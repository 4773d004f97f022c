import { Buffer } from 'node:buffer';
import { invalidRequest } from './error-types.ts';
import type { RequestMetadata } from './gen/keyside/v1/metadata.ts';

/** Texts or bytes by name. A `Map` takes every name; a plain object is for names known beforehand. */
export type Named<Value> = ReadonlyMap<string, Value> | Readonly<Record<string, Value>>;

/** On whose behalf calls are made. All of it is recorded in clear: never put a secret here. Each text: at most 1,024 bytes. */
export interface DefaultMetadata {
  /** The person or service that asks. */
  readonly requesterId?: string | undefined;
  /** Classification of the data, e.g. `pii`; stored with the document when encrypting. */
  readonly dataLabel?: string | undefined;
  /** Why the data is used; a tenant's policy may allow certain purposes only. */
  readonly purpose?: string | undefined;
  /** An id to find this request again in the daemon's log. */
  readonly requestId?: string | undefined;
  /** The address from which the requester came. */
  readonly sourceIp?: string | undefined;
  /** The application's id of the document. */
  readonly objectId?: string | undefined;
  /** The person whom the data is about. */
  readonly subjectId?: string | undefined;
  /** Further facts to record: at most 32, 8 KiB in all. */
  readonly attributes?: Named<string> | undefined;
}

/** For whom a call is made and on whose behalf. All but `context` is recorded in clear. */
export interface CallMetadata extends DefaultMetadata {
  /** Required, for every call anew. 1 to 128 characters of `[A-Za-z0-9._:@-]`. */
  readonly tenantId: string;
  /** Bound to the ciphertext and not stored: to decrypt or rewrap, give the same pairs again. At most 64 pairs, 8 KiB in all. */
  readonly context?: Named<string> | undefined;
}

const NO_PAIRS: Map<string, string> = new Map();

/** What the client says of itself in each call: its defaults, checked once. */
export class MetadataDefaults {
  readonly #defaults: DefaultMetadata;
  readonly #attributes: Map<string, string>;

  /** @throws {RequestInvalidError} for a text that UTF-8 cannot hold */
  constructor(defaults: DefaultMetadata) {
    this.#defaults = { ...defaults };
    this.#attributes = textsByName(defaults.attributes, 'an attribute');
    this.of(this.#defaults);
  }

  /** What every request about a document says besides the document. */
  request(call: CallMetadata): { tenantId: string; metadata: RequestMetadata; context: Map<string, string> } {
    return {
      tenantId: checkedText(call.tenantId, 'tenantId'),
      metadata: this.of(call),
      context: textsByName(call.context, 'context'),
    };
  }

  /** The call's own words win, field by field; attributes are put together by name. */
  of(call: DefaultMetadata): RequestMetadata {
    return {
      requesterId: this.#text(call, 'requesterId'),
      dataLabel: this.#text(call, 'dataLabel'),
      requestId: this.#text(call, 'requestId'),
      sourceIp: this.#text(call, 'sourceIp'),
      objectId: this.#text(call, 'objectId'),
      purpose: this.#text(call, 'purpose'),
      subjectId: this.#text(call, 'subjectId'),
      attributes: this.#merged(call.attributes),
    };
  }

  #text(call: DefaultMetadata, name: Exclude<keyof DefaultMetadata, 'attributes'>): string {
    return checkedText(call[name] ?? this.#defaults[name] ?? '', name);
  }

  #merged(attributes: Named<string> | undefined): Map<string, string> {
    if (attributes === undefined) return this.#attributes;
    const own = textsByName(attributes, 'an attribute');
    return this.#attributes.size === 0 ? own : new Map([...this.#attributes, ...own]);
  }
}

/** @throws {RequestInvalidError} for a name or text that UTF-8 cannot hold */
export function textsByName(named: Named<string> | undefined, what: string): Map<string, string> {
  if (named === undefined) return NO_PAIRS;
  const map = new Map<string, string>();
  for (const [name, text] of entriesOf(named)) {
    map.set(checkedText(name, `the name of ${what}`), checkedText(text, `a value of ${what}`));
  }
  return map;
}

/** Texts become UTF-8. @throws {RequestInvalidError} for a name or text that UTF-8 cannot hold, and for what is neither text nor bytes */
export function bytesByName(named: Named<Uint8Array | string>): Map<string, Uint8Array> {
  const map = new Map<string, Uint8Array>();
  for (const [name, value] of entriesOf(named)) {
    map.set(checkedText(name, 'the name of a field'), value instanceof Uint8Array ? value : utf8(value));
  }
  return map;
}

function utf8(value: string): Uint8Array {
  if (typeof value !== 'string') throw invalidRequest('a field is neither bytes nor text');
  return Buffer.from(checkedText(value, 'the text of a field'));
}

function entriesOf<Value>(named: Named<Value>): Iterable<readonly [string, Value]> {
  return named instanceof Map ? named : Object.entries(named);
}

/** Half a surrogate pair has no UTF-8: what is sent in its place would be another text, and two texts could become one. */
export function checkedText(text: string, what: string): string {
  if (typeof text !== 'string') throw invalidRequest(`${what} is no text`);
  if (!text.isWellFormed()) throw invalidRequest(`${what} is not well-formed Unicode`);
  return text;
}
