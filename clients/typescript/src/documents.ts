import type { InspectOptions, inspect } from 'node:util';
import type { KeysideError } from './errors.ts';
import type { Named } from './inputs.ts';

/** Fields to encrypt, by name. Texts are sent as UTF-8, and come back as bytes. */
export type PlainFields = Named<Uint8Array | string>;

/** What to store: nothing opens the fields without the EDEK. */
export interface EncryptedDocument {
  readonly edek: Uint8Array;
  /** Ciphertexts by field name: 29 bytes longer than the plaintext. */
  readonly fields: ReadonlyMap<string, Uint8Array>;
}

/** A document to decrypt, as it was stored: all of its fields or some. */
export interface StoredDocument {
  readonly edek: Uint8Array;
  readonly fields: Named<Uint8Array>;
}

/** A document that was decrypted: every field verified. Where it is logged or put into JSON, the names of its fields stand for it. */
export class PlaintextDocument {
  /** Plaintexts by field name. */
  readonly fields: ReadonlyMap<string, Uint8Array>;

  constructor(fields: ReadonlyMap<string, Uint8Array>) {
    this.fields = fields;
  }

  /** A field as text. @throws {RangeError} where there is no such field; {TypeError} where it is not UTF-8 */
  text(name: string): string {
    const bytes = this.fields.get(name);
    if (bytes === undefined) throw new RangeError(`the document has no field ${JSON.stringify(name)}`);
    return utf8.decode(bytes);
  }

  /** The names alone: plaintext that reaches a log stays there. */
  toJSON(): { readonly fields: readonly string[] } {
    return { fields: [...this.fields.keys()] };
  }

  /** As `toJSON`, for `console.log` and `util.inspect`. */
  [Symbol.for('nodejs.util.inspect.custom')](_depth: number, options: InspectOptions, show: typeof inspect): string {
    return `PlaintextDocument ${show(this.toJSON(), options)}`;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A document whose key is to be wrapped again needs no fields: its ciphertexts stay as they are. */
export interface RewrapInput {
  /** A document's EDEK, or an object's header. */
  readonly edek: Uint8Array;
  /** The key configuration to wrap under. Default: the tenant's primary key. */
  readonly targetKeyId?: string | undefined;
}

export interface RewrappedKey {
  /** To store in place of the old one. */
  readonly edek: Uint8Array;
  /** The key configuration that wraps it now. */
  readonly keyId: string;
  /** False where it was up to date already. */
  readonly isChanged: boolean;
}

/** What an item of a batch says besides its document. */
export interface BatchItem {
  /** The caller's name for it, which comes back with its result: at most 1,024 bytes. Default: empty. */
  readonly id?: string | undefined;
  /** In place of the call's `context`. */
  readonly context?: Named<string> | undefined;
}

/** A document of a batch to encrypt. */
export interface EncryptItem extends BatchItem {
  readonly fields: PlainFields;
  /** The EDEK of an existing document, to encrypt under its key. Default: a new document. */
  readonly edek?: Uint8Array | undefined;
}

/** A document of a batch to decrypt. */
export interface DecryptItem extends BatchItem, StoredDocument {}

/** A document of a batch to rewrap. */
export interface RewrapItem extends BatchItem {
  readonly edek: Uint8Array;
}

/** What became of one document of a batch: it, or why not. */
export type BatchResult<Document> =
  | { readonly id: string; readonly document: Document; readonly error?: undefined }
  | { readonly id: string; readonly document?: undefined; readonly error: KeysideError };
