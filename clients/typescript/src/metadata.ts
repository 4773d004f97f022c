import type { RequestMetadata } from './gen/keyside/v1/metadata.ts';
import { checkedObject, checkedText, type Named, textsByName } from './inputs.ts';

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
    checkedObject(call, 'the metadata');
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
