import { type CallOptions, Connection, type KeysideClientOptions, type Method } from './connection.ts';
import { invalidRequest } from './errors.ts';
import { HealthDefinition, HealthCheckResponse_ServingStatus as ServingStatus } from './gen/health/v1/health.ts';
import { AuditServiceDefinition as Audit } from './gen/keyside/v1/audit.ts';
import { CryptoServiceDefinition as Crypto } from './gen/keyside/v1/crypto.ts';
import { KeyServiceDefinition as Keys } from './gen/keyside/v1/key.ts';
import type { RequestMetadata } from './gen/keyside/v1/metadata.ts';
import { checkedKey, type Key, type KeyCheck, toKey } from './key-answers.ts';
import {
  type ByteSource,
  decryptedRange,
  decryptedStream,
  type EncryptedStream,
  encryptedStream,
  type RangeInput,
  type StreamOptions,
} from './object-stream.ts';

/** Texts or bytes by name. A `Map` takes every name; a plain object is for names known beforehand. */
type Named<Value> = ReadonlyMap<string, Value> | Readonly<Record<string, Value>>;

/** For whom a call is made and on whose behalf. All but `context` is recorded in clear: never put a secret here. */
export interface CallMetadata {
  /** Required. 1 to 128 characters of `[A-Za-z0-9._:@-]`. */
  readonly tenantId: string;
  /** The person or service that asks. */
  readonly requesterId?: string | undefined;
  /** Classification of the data, e.g. `pii`; stored with the document when encrypting. */
  readonly dataLabel?: string | undefined;
  /** Why the data is used; a tenant's policy may allow certain purposes only. */
  readonly purpose?: string | undefined;
  /** An id to find this request again in the daemon's log. */
  readonly requestId?: string | undefined;
  readonly sourceIp?: string | undefined;
  readonly objectId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly attributes?: Named<string> | undefined;
  /** Bound to the ciphertext and not stored: to decrypt or rewrap, give the same pairs again. */
  readonly context?: Named<string> | undefined;
}

/** What to store: nothing opens the fields without the EDEK. */
export interface EncryptedDocument {
  readonly edek: Uint8Array;
  /** Ciphertexts by field name. */
  readonly fields: ReadonlyMap<string, Uint8Array>;
}

/** A document whose key is to be wrapped again needs no fields: its ciphertexts stay as they are. */
export interface RewrapInput {
  readonly edek: Uint8Array;
  /** The key configuration to wrap under. Default: the tenant's primary key. */
  readonly targetKeyId?: string | undefined;
}

/** Something that happened in the application, for the tenant's audit trail. */
export interface SecurityEvent {
  /** A name that Keyside knows, such as `USER_LOGIN`, or `CUSTOM_` and capital letters, digits and underscores. */
  readonly event: string;
  /** When it happened. Default: now. */
  readonly occurredAt?: Date | undefined;
  /** The user whom it was done to. Default: the requester. */
  readonly targetUserId?: string | undefined;
  /** A sentence for people. Never put a secret here. */
  readonly message?: string | undefined;
}

export interface RewrappedKey {
  /** To store in place of the old one. */
  readonly edek: Uint8Array;
  /** The key configuration that wraps it now. */
  readonly keyId: string;
  /** False where it was up to date already. */
  readonly isChanged: boolean;
}

/** One of a tenant's key configurations; without `keyId` the primary one, or all of them where keys are dropped. */
export interface KeyReference {
  readonly tenantId: string;
  readonly keyId?: string | undefined;
}

/**
 * Speaks to a Keyside daemon. Safe to share; make one for the life of the process.
 * Every method throws `KeysideClientError`. There is no fallback: what cannot be encrypted is not stored, not sent, not returned.
 */
export class KeysideClient {
  readonly #connection: Connection;

  /** Connects to nobody yet. @throws {TypeError} for an address that is malformed, or another machine's without TLS */
  constructor(options: KeysideClientOptions = {}) {
    this.#connection = new Connection(options);
  }

  /** Encrypts a document: plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise. */
  async encrypt(fields: Named<Uint8Array>, metadata: CallMetadata, options: CallOptions = {}): Promise<EncryptedDocument> {
    const request = { ...common(metadata), fields: toMap(fields, 'a field'), edek: new Uint8Array() };
    return this.#crypto(Crypto.methods.encrypt, { ...options, request });
  }

  /** The plaintexts of all fields of the document, or of those that are given: all verify, or nothing is returned. */
  async decrypt(
    document: { readonly edek: Uint8Array; readonly fields: Named<Uint8Array> },
    metadata: CallMetadata,
    options: CallOptions = {},
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const request = { ...common(metadata), fields: toMap(document.fields, 'a field'), edek: document.edek };
    const { fields } = await this.#crypto(Crypto.methods.decrypt, { ...options, request });
    return fields;
  }

  /** Wraps a document's key again, after the tenant rotated or replaced its key. */
  async rewrap(input: RewrapInput, metadata: CallMetadata, options: CallOptions = {}): Promise<RewrappedKey> {
    const request = { ...common(metadata), edek: input.edek, targetKeyId: input.targetKeyId ?? '' };
    const { edek, keyId, changed } = await this.#crypto(Crypto.methods.rewrap, { ...options, request });
    return { edek, keyId, isChanged: changed };
  }

  /**
   * Encrypts an object of any size while it is read, in constant memory. The plaintext is not touched before the result is iterated.
   * Errors come out of the iteration: `KeysideClientError`, or what the plaintext's source threw. The object is whole only where the
   * iteration ends without one.
   */
  encryptStream(
    plaintext: ByteSource,
    metadata: CallMetadata,
    // True: the header is in `edek` alone, to be stored apart. Default: the stream begins with it.
    { isDetached = false, ...options }: StreamOptions & { readonly isDetached?: boolean | undefined } = {},
  ): EncryptedStream {
    const begin = () => this.#stream(Crypto.methods.encryptStream, options);
    return encryptedStream(begin, () => ({ ...common(metadata), detached: isDetached }), plaintext);
  }

  /**
   * Decrypts an object of any size while it is read. Every byte that comes out was verified, but only where the iteration ends without
   * an error is it known that none is missing: do not take what came before for the object.
   */
  decryptStream(
    ciphertext: ByteSource,
    metadata: CallMetadata,
    // The header, where it was stored apart. Default: the ciphertext begins with it.
    { edek = new Uint8Array(), ...options }: StreamOptions & { readonly edek?: Uint8Array | undefined } = {},
  ): AsyncGenerator<Uint8Array, void> {
    const begin = () => this.#stream(Crypto.methods.decryptStream, options);
    return decryptedStream(begin, () => ({ ...common(metadata), edek, range: undefined }), ciphertext);
  }

  /**
   * Decrypts a part of an object, reading nothing of its body but what that part needs. Whole, as ever, only where the iteration ends
   * without an error.
   */
  decryptRange(
    { edek, offset, length = Number.MAX_SAFE_INTEGER, objectSize, read }: RangeInput,
    metadata: CallMetadata,
    options: StreamOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    const begin = () => this.#stream(Crypto.methods.decryptStream, options);
    const range = { offset, length, objectSize };
    return decryptedRange(begin, () => ({ ...common(metadata), edek, range: checkedRange(range) }), read);
  }

  /** Probes a key end to end: a key that fails is an answer, not an error. Costs two or three calls to its KMS. */
  async checkKey({ tenantId, keyId = '' }: KeyReference, options: CallOptions = {}): Promise<KeyCheck> {
    return checkedKey(await this.#keys(Keys.methods.checkKey, { ...options, request: { tenantId, keyId } }));
  }

  /** The tenant's key configurations, in the order of the daemon's configuration. Asks no KMS. */
  async listKeys(tenantId: string, options: CallOptions = {}): Promise<readonly Key[]> {
    const { keys } = await this.#keys(Keys.methods.listKeys, { ...options, request: { tenantId } });
    return keys.map(toKey);
  }

  /** Makes this daemon forget data keys now. Returns how many there were. */
  async dropKeys({ tenantId, keyId = '' }: KeyReference, options: CallOptions = {}): Promise<number> {
    const { dropped } = await this.#keys(Keys.methods.dropKeys, { ...options, request: { tenantId, keyId } });
    return dropped;
  }

  /**
   * Records an event in the tenant's audit trail. Resolves with the record's id when it is as durable as the daemon's audit mode
   * promises; rejects with AUDIT_UNAVAILABLE where it is kept nowhere.
   */
  async logSecurityEvent(
    { event, occurredAt, targetUserId = '', message = '' }: SecurityEvent,
    about: Omit<CallMetadata, 'context'>,
    options: CallOptions = {},
  ): Promise<string> {
    const { tenantId, metadata } = common(about);
    const request = { tenantId, metadata, event, occurredAt, targetUserId, message };
    const call = { ...options, request };
    return (await this.#connection.call(`/${Audit.fullName}/`, Audit.methods.logSecurityEvent, call)).recordId;
  }

  /** Whether a daemon answers and takes calls. False while it shuts down. */
  async isServing(options: CallOptions = {}): Promise<boolean> {
    const request = { service: Crypto.fullName };
    const { status } = await this.#connection.call('/grpc.health.v1.Health/', HealthDefinition.methods.check, {
      ...options,
      request,
    });
    return status === ServingStatus.SERVING;
  }

  /** Ends the connection. Calls under way end first. */
  close(): void {
    this.#connection.close();
  }

  #crypto<Request, Response>(method: Method<Request, Response>, call: CallOptions & { readonly request: Request }) {
    return this.#connection.call(`/${Crypto.fullName}/`, method, call);
  }

  #stream<Request, Response>(method: Method<Request, Response>, options: StreamOptions) {
    return this.#connection.open(`/${Crypto.fullName}/`, method, options);
  }

  #keys<Request, Response>(method: Method<Request, Response>, call: CallOptions & { readonly request: Request }) {
    return this.#connection.call(`/${Keys.fullName}/`, method, call);
  }
}

/** What every request about a document says besides the document. */
function common({ tenantId, context = {}, attributes = {}, ...texts }: CallMetadata) {
  const metadata: RequestMetadata = {
    requesterId: texts.requesterId ?? '',
    dataLabel: checkedText(texts.dataLabel ?? '', 'dataLabel'),
    requestId: texts.requestId ?? '',
    sourceIp: texts.sourceIp ?? '',
    objectId: texts.objectId ?? '',
    purpose: texts.purpose ?? '',
    subjectId: texts.subjectId ?? '',
    attributes: toMap(attributes, 'an attribute'),
  };
  const pairs = toMap(context, 'context');
  for (const value of pairs.values()) checkedText(value, 'a value of context');
  return { tenantId, metadata, context: pairs };
}

/** Precondition: whole numbers that the wire can carry; a negative one would be sent as a huge one. */
function checkedRange<Range extends Readonly<Record<string, number>>>(range: Range): Range {
  for (const [name, value] of Object.entries(range)) {
    if (!Number.isSafeInteger(value) || value < 0) throw invalidRequest(`${name} is not a whole number from 0 to 2^53 - 1`);
  }
  return range;
}

function toMap<Value>(named: Named<Value>, what: string): Map<string, Value> {
  const map = new Map(named instanceof Map ? named : Object.entries(named));
  for (const name of map.keys()) checkedText(name, `the name of ${what}`);
  return map;
}

/** Half a surrogate pair has no UTF-8: what is sent in its place would be another text, and two texts could become one. */
function checkedText(text: string, what: string): string {
  if (!text.isWellFormed()) throw invalidRequest(`${what} is not well-formed Unicode`);
  return text;
}
