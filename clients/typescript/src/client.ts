import { outcomes, toDecrypt, toEncrypt, toRewrap } from './batches.ts';
import { type ByteSource, checkedSource } from './byte-source.ts';
import type { ByteStream, EncryptedStream } from './byte-stream.ts';
import { type CallOptions, Connection, type KeysideClientOptions } from './connection.ts';
import {
  type BatchResult,
  type DecryptItem,
  type EncryptedDocument,
  type EncryptItem,
  type PlainFields,
  PlaintextDocument,
  type RewrapInput,
  type RewrapItem,
  type RewrappedKey,
  type StoredDocument,
} from './documents.ts';
import { invalidRequest } from './error-types.ts';
import { HealthDefinition, HealthCheckResponse_ServingStatus as ServingStatus } from './gen/health/v1/health.ts';
import { AuditServiceDefinition } from './gen/keyside/v1/audit.ts';
import { CryptoServiceDefinition, type DecryptResponse, type RewrapResponse } from './gen/keyside/v1/crypto.ts';
import { KeyServiceDefinition } from './gen/keyside/v1/key.ts';
import { bytesByName, checkedArray, checkedBytes, checkedDate, checkedObject, checkedText } from './inputs.ts';
import { checkedKey, type Key, type KeyCheck, toKey } from './key-answers.ts';
import { type CallMetadata, MetadataDefaults } from './metadata.ts';
import { decryptedRange, decryptedStream, encryptedStream, type RangeInput, type StreamOptions } from './object-stream.ts';
import { rpcsOf } from './rpc.ts';

const Audit = rpcsOf(AuditServiceDefinition);
const Crypto = rpcsOf(CryptoServiceDefinition);
const Health = rpcsOf(HealthDefinition);
const Keys = rpcsOf(KeyServiceDefinition);

const NO_BYTES = new Uint8Array();

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

/** One of a tenant's key configurations; without `keyId` the primary one, or all of them where keys are dropped. */
export interface KeyReference {
  readonly tenantId: string;
  readonly keyId?: string | undefined;
}

/** What `encrypt` may ask for beyond its document. */
export interface EncryptOptions extends CallOptions {
  /** The EDEK of an existing document, to encrypt under its key: an updated column. Default: a new document. */
  readonly edek?: Uint8Array | undefined;
}

/** What `rewrapBatch` may ask for. */
export interface RewrapBatchOptions extends CallOptions, Pick<RewrapInput, 'targetKeyId'> {}

/**
 * Speaks to a Keyside daemon. Safe to share; make one for the life of the process, and close it at the end (or declare it with `using`).
 * Every method throws `KeysideError`, of REQUEST_INVALID where what it is given is of a wrong type. What a call is given is encoded before
 * its promise is returned: buffers may be wiped or used again at once; a stream's are read while it is taken.
 * There is no fallback: what cannot be encrypted is not stored, not sent, not returned.
 */
export class KeysideClient implements Disposable {
  readonly #connection: Connection;
  readonly #defaults: MetadataDefaults;

  /**
   * Connects to nobody yet.
   * @throws {TypeError} for an address that is malformed, or another machine's without TLS; {Error} for a file of TLS that cannot be read
   */
  constructor(options: KeysideClientOptions = {}) {
    this.#defaults = new MetadataDefaults(options.defaults ?? {});
    this.#connection = new Connection(options);
  }

  /** Encrypts a document: plaintexts by field name, at most 3 MiB in all unless the daemon is configured otherwise. */
  async encrypt(
    fields: PlainFields,
    metadata: CallMetadata,
    { edek = NO_BYTES, ...options }: EncryptOptions = {},
  ): Promise<EncryptedDocument> {
    const request = { ...this.#defaults.request(metadata), fields: bytesByName(fields), edek: checkedBytes(edek, 'edek') };
    return this.#connection.call(Crypto.encrypt, request, options);
  }

  /** The plaintexts of all fields of the document, or of those that are given: all verify, or nothing is returned. */
  async decrypt(document: StoredDocument, metadata: CallMetadata, options: CallOptions = {}): Promise<PlaintextDocument> {
    const { fields, edek } = checkedObject(document, 'the document');
    const request = { ...this.#defaults.request(metadata), fields: bytesByName(fields), edek: checkedBytes(edek, 'edek') };
    return toPlaintext(await this.#connection.call(Crypto.decrypt, request, options));
  }

  /** Wraps a document's key again, after the tenant rotated or replaced its key. */
  async rewrap(input: RewrapInput, metadata: CallMetadata, options: CallOptions = {}): Promise<RewrappedKey> {
    const { edek, targetKeyId = '' } = checkedObject(input, 'the input');
    const keys = { edek: checkedBytes(edek, 'edek'), targetKeyId: checkedText(targetKeyId, 'targetKeyId') };
    const request = { ...this.#defaults.request(metadata), ...keys };
    return toRewrapped(await this.#connection.call(Crypto.rewrap, request, options));
  }

  /**
   * Encrypts many documents of one tenant in one call: at most 1,000, and 8 MiB in all, unless the daemon is configured otherwise.
   * Each has its own result, in the order of the documents; the call throws only where it fails as a whole.
   * A document without `context` has that of the metadata.
   */
  async encryptBatch(
    documents: readonly EncryptItem[],
    about: CallMetadata,
    options: CallOptions = {},
  ): Promise<readonly BatchResult<EncryptedDocument>[]> {
    const items = checkedArray(documents, 'the documents');
    const { tenantId, metadata, context } = this.#defaults.request(about);
    const request = { tenantId, metadata, documents: items.map((each) => toEncrypt(each, context)) };
    const { results } = await this.#connection.call(Crypto.batchEncrypt, request, options);
    return outcomes(results, request.documents, (document) => document);
  }

  /** Decrypts many documents of one tenant in one call: as `encryptBatch`. */
  async decryptBatch(
    documents: readonly DecryptItem[],
    about: CallMetadata,
    options: CallOptions = {},
  ): Promise<readonly BatchResult<PlaintextDocument>[]> {
    const items = checkedArray(documents, 'the documents');
    const { tenantId, metadata, context } = this.#defaults.request(about);
    const request = { tenantId, metadata, documents: items.map((each) => toDecrypt(each, context)) };
    const { results } = await this.#connection.call(Crypto.batchDecrypt, request, options);
    return outcomes(results, request.documents, toPlaintext);
  }

  /** Wraps the keys of many documents of one tenant again in one call: as `encryptBatch`. */
  async rewrapBatch(
    documents: readonly RewrapItem[],
    about: CallMetadata,
    { targetKeyId = '', ...options }: RewrapBatchOptions = {},
  ): Promise<readonly BatchResult<RewrappedKey>[]> {
    const items = checkedArray(documents, 'the documents');
    const { tenantId, metadata, context } = this.#defaults.request(about);
    const sent = items.map((each) => toRewrap(each, context));
    const request = { tenantId, metadata, targetKeyId: checkedText(targetKeyId, 'targetKeyId'), documents: sent };
    const { results } = await this.#connection.call(Crypto.batchRewrap, request, options);
    return outcomes(results, request.documents, toRewrapped);
  }

  /**
   * Encrypts an object of any size while it is read, in constant memory. The plaintext is not touched before the result is iterated.
   * Errors come out of the iteration: `KeysideError`, or what the plaintext's source threw. The object is whole only where the
   * iteration ends without one.
   */
  encryptStream(
    plaintext: ByteSource,
    metadata: CallMetadata,
    // True: the header is in `edek` alone, to be stored apart. Default: the stream begins with it.
    { isDetached = false, ...options }: StreamOptions & { readonly isDetached?: boolean | undefined } = {},
  ): EncryptedStream {
    const begin = (abandoned: AbortSignal) => this.#connection.open(Crypto.encryptStream, options, abandoned);
    const open = () => {
      checkedSource(plaintext);
      return { ...this.#defaults.request(metadata), detached: isDetached };
    };
    return encryptedStream(begin, open, plaintext);
  }

  /**
   * Decrypts an object of any size while it is read. Every byte that comes out was verified, but only where the iteration ends without
   * an error is it known that none is missing: do not take what came before for the object.
   */
  decryptStream(
    ciphertext: ByteSource,
    metadata: CallMetadata,
    // The header, where it was stored apart. Default: the ciphertext begins with it.
    { edek = NO_BYTES, ...options }: StreamOptions & { readonly edek?: Uint8Array | undefined } = {},
  ): ByteStream {
    const begin = (abandoned: AbortSignal) => this.#connection.open(Crypto.decryptStream, options, abandoned);
    const open = () => {
      checkedSource(ciphertext);
      return { ...this.#defaults.request(metadata), edek: checkedBytes(edek, 'edek'), range: undefined };
    };
    return decryptedStream(begin, open, ciphertext);
  }

  /**
   * Decrypts a part of an object, reading nothing of its body but what that part needs. Whole, as ever, only where the iteration ends
   * without an error.
   */
  decryptRange(
    { edek, offset, length = Number.MAX_SAFE_INTEGER, objectSize, read }: RangeInput,
    metadata: CallMetadata,
    options: StreamOptions = {},
  ): ByteStream {
    const begin = (abandoned: AbortSignal) => this.#connection.open(Crypto.decryptStream, options, abandoned);
    const range = { offset, length, objectSize };
    const open = () => ({ ...this.#defaults.request(metadata), edek: checkedBytes(edek, 'edek'), range: checkedRange(range) });
    return decryptedRange(begin, open, read);
  }

  /** Probes a key end to end: a key that fails is an answer, not an error. Costs two or three calls to its KMS. */
  async checkKey(key: KeyReference, options: CallOptions = {}): Promise<KeyCheck> {
    return checkedKey(await this.#connection.call(Keys.checkKey, toReference(key), options));
  }

  /** The tenant's key configurations, in the order of the daemon's configuration. Asks no KMS. */
  async listKeys(tenantId: string, options: CallOptions = {}): Promise<readonly Key[]> {
    const { keys } = await this.#connection.call(Keys.listKeys, { tenantId: checkedText(tenantId, 'tenantId') }, options);
    return keys.map(toKey);
  }

  /** Makes this daemon forget data keys now. Returns how many there were. */
  async dropKeys(keys: KeyReference, options: CallOptions = {}): Promise<number> {
    const { dropped } = await this.#connection.call(Keys.dropKeys, toReference(keys), options);
    return dropped;
  }

  /**
   * Records an event in the tenant's audit trail. Resolves with the record's id when it is as durable as the daemon's audit mode
   * promises; rejects with AUDIT_UNAVAILABLE where it is kept nowhere.
   */
  async logSecurityEvent(event: SecurityEvent, about: Omit<CallMetadata, 'context'>, options: CallOptions = {}): Promise<string> {
    const { context, ...metadata }: CallMetadata = checkedObject(about, 'the metadata');
    if (context !== undefined) throw invalidRequest('an event has no context: attributes are recorded with it');
    const tenantId = checkedText(metadata.tenantId, 'tenantId');
    const request = { tenantId, metadata: this.#defaults.of(metadata), ...toEvent(event) };
    return (await this.#connection.call(Audit.logSecurityEvent, request, options)).recordId;
  }

  /** Whether the daemon takes calls: false while it shuts down. @throws {UnavailableError} where none answers */
  async isServing(options: CallOptions = {}): Promise<boolean> {
    const { status } = await this.#connection.call(Health.check, { service: CryptoServiceDefinition.fullName }, options);
    return status === ServingStatus.SERVING;
  }

  /** Ends the connection. Calls that still run may end in CANCELLED: await them before. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function toPlaintext({ fields }: DecryptResponse): PlaintextDocument {
  return new PlaintextDocument(fields);
}

function toReference(reference: KeyReference): { tenantId: string; keyId: string } {
  const { tenantId, keyId = '' } = checkedObject(reference, 'the key');
  return { tenantId: checkedText(tenantId, 'tenantId'), keyId: checkedText(keyId, 'keyId') };
}

function toEvent(event: SecurityEvent) {
  const { event: name, occurredAt, targetUserId = '', message = '' } = checkedObject(event, 'the event');
  return {
    event: checkedText(name, 'event'),
    occurredAt: occurredAt === undefined ? undefined : checkedDate(occurredAt, 'occurredAt'),
    targetUserId: checkedText(targetUserId, 'targetUserId'),
    message: checkedText(message, 'message'),
  };
}

function toRewrapped({ edek, keyId, changed }: RewrapResponse): RewrappedKey {
  return { edek, keyId, isChanged: changed };
}

/** Precondition: whole numbers that the wire can carry; a negative one would be sent as a huge one. */
function checkedRange<Range extends Readonly<Record<string, number>>>(range: Range): Range {
  for (const [name, value] of Object.entries(range)) {
    if (!Number.isSafeInteger(value) || value < 0) throw invalidRequest(`${name} is not a whole number from 0 to 2^53 - 1`);
  }
  return range;
}
