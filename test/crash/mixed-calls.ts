import type { ServiceError } from '@grpc/grpc-js';
import { fromStatus } from '../../clients/typescript/src/status.ts';
import type { EventKind } from '../../src/audit/event.ts';
import type { Status } from '../../src/gen/google/rpc/status.ts';
import {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  BatchEncryptResponse,
  EncryptResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import { chunk, decryptOpening, encryptOpening } from '../fakes/streams.ts';
import { CRYPTO, decryptRequest, encryptRequest, metadata, none, rewrapRequest } from '../integration/requests.ts';
import type { Connection } from './connection.ts';
import type { Ledger, Operation } from './ledger.ts';
import { between, oneOf, type Random } from './random.ts';

interface Document {
  readonly edek: Uint8Array;
  readonly fields: Map<string, Uint8Array>;
}

interface StoredObject {
  readonly bytes: Buffer;
}

/** What tenants have stored, for later calls to open: outlives the daemon. */
export class Stored {
  readonly documents = new Map<string, Document[]>();
  readonly objects = new Map<string, StoredObject[]>();
}

export interface MixedCallsParts {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly stored: Stored;
  readonly random: Random;
  readonly tenants: readonly string[];
  /** Begins the ids of its requests: unique. */
  readonly prefix: string;
}

const MAX_STORED = 40;
const MAX_BATCH = 12;
const PIECE_BYTES = 48 * 1024;
const MAX_PIECES = 8;
/** The answers to a document itself, which are in the trail; every other reason says that it was not looked at. */
const ANSWERS: ReadonlySet<string> = new Set(['OK', 'CIPHERTEXT_REJECTED']);

interface Target {
  readonly requestId: string;
  readonly tenantId: string;
}

/** One after the other, calls of every kind for several tenants; what was asked and answered goes into the ledger. */
export class MixedCalls {
  readonly #parts: MixedCallsParts;
  #count = 0;

  constructor(parts: MixedCallsParts) {
    this.#parts = parts;
  }

  /** One call, whatever becomes of it. */
  async next(): Promise<void> {
    const { random, tenants, prefix } = this.#parts;
    this.#count += 1;
    const target = { requestId: `${prefix}-${this.#count}`, tenantId: oneOf(random, tenants) };
    const chance = random();
    if (chance < 0.32) await this.#encrypt(target);
    else if (chance < 0.62) await this.#decrypt(target);
    else if (chance < 0.68) await this.#rewrap(target);
    else if (chance < 0.79) await this.#batchEncrypt(target);
    else if (chance < 0.9) await this.#batchDecrypt(target);
    else if (chance < 0.95) await this.#encryptStream(target);
    else await this.#decryptStream(target);
  }

  async #encrypt(target: Target): Promise<void> {
    const request = encryptRequest({ tenantId: target.tenantId, fields: this.#fields(), metadata: metadata(target) });
    const bytes = await this.#unary('Encrypt', request, this.#operation(target, { kind: 'encrypt', method: 'Encrypt' }));
    if (bytes !== undefined) this.#store(target.tenantId, EncryptResponse.decode(bytes));
  }

  async #decrypt(target: Target): Promise<void> {
    const document = this.#document(target.tenantId);
    if (document === undefined) return await this.#encrypt(target);
    // Now and then what was stored is not what comes back: the refusal is on record too.
    const { edek, fields } = this.#parts.random() < 0.1 ? damaged(document) : document;
    const request = decryptRequest({ tenantId: target.tenantId, edek, fields, metadata: metadata(target) });
    await this.#unary('Decrypt', request, this.#operation(target, { kind: 'decrypt', method: 'Decrypt' }));
  }

  async #rewrap(target: Target): Promise<void> {
    const document = this.#document(target.tenantId);
    if (document === undefined) return await this.#encrypt(target);
    const request = rewrapRequest({ tenantId: target.tenantId, edek: document.edek, metadata: metadata(target) });
    await this.#unary('Rewrap', request, this.#operation(target, { kind: 'rewrap', method: 'Rewrap' }));
  }

  async #batchEncrypt(target: Target): Promise<void> {
    const count = between(this.#parts.random, 1, MAX_BATCH);
    const documents = Array.from({ length: count }, (_, at) => ({ ...none, id: `item-${at}`, fields: this.#fields() }));
    const operations = documents.map(({ id }) =>
      this.#operation(target, { kind: 'encrypt', method: 'BatchEncrypt', itemId: id }),
    );
    const request = BatchEncryptRequest.encode({ tenantId: target.tenantId, documents, metadata: metadata(target) }).finish();
    const bytes = await this.#batch('BatchEncrypt', request, operations);
    if (bytes === undefined) return;
    const { results } = BatchEncryptResponse.decode(bytes);
    this.#items(results, operations);
    const [first] = results;
    if (first?.document !== undefined) this.#store(target.tenantId, first.document);
  }

  async #batchDecrypt(target: Target): Promise<void> {
    const count = between(this.#parts.random, 1, MAX_BATCH);
    const found = Array.from({ length: count }, () => this.#document(target.tenantId)).filter((each) => each !== undefined);
    if (found.length === 0) return await this.#encrypt(target);
    const documents = found.map((document, at) => ({
      ...none,
      ...(this.#parts.random() < 0.1 ? damaged(document) : document),
      id: `item-${at}`,
    }));
    const operations = documents.map(({ id }) =>
      this.#operation(target, { kind: 'decrypt', method: 'BatchDecrypt', itemId: id }),
    );
    const request = BatchDecryptRequest.encode({ tenantId: target.tenantId, documents, metadata: metadata(target) }).finish();
    const bytes = await this.#batch('BatchDecrypt', request, operations);
    if (bytes !== undefined) this.#items(BatchDecryptResponse.decode(bytes).results, operations);
  }

  async #encryptStream(target: Target): Promise<void> {
    const { random, connection } = this.#parts;
    const halves = this.#halves('encrypt', 'EncryptStream', target);
    const call = connection.encryptStream();
    call.write(encryptOpening({ tenantId: target.tenantId, metadata: metadata(target) }));
    const pieces = Array.from({ length: between(random, 0, MAX_PIECES) }, () => Buffer.alloc(PIECE_BYTES, 0x61));
    const bytes = await this.#stream(call as never, pieces, halves);
    if (bytes !== undefined) keep(this.#parts.stored.objects, target.tenantId, { bytes });
  }

  async #decryptStream(target: Target): Promise<void> {
    const { random, connection, stored } = this.#parts;
    const objects = stored.objects.get(target.tenantId);
    if (objects === undefined) return await this.#encryptStream(target);
    const { bytes } = oneOf(random, objects);
    const halves = this.#halves('decrypt', 'DecryptStream', target);
    const call = connection.decryptStream();
    call.write(decryptOpening({ tenantId: target.tenantId, metadata: metadata(target) }));
    await this.#stream(call as never, pieces(bytes), halves);
  }

  /** The answer where it was one. */
  async #unary(method: string, request: Uint8Array, operation: Operation): Promise<Buffer | undefined> {
    const { connection, ledger } = this.#parts;
    const ended = await connection.unary.call({ method: `${CRYPTO}/${method}`, request });
    if (ANSWERS.has(ended.reason)) ledger.answered(operation, ended.reason);
    else ledger.refused(ended);
    return ended.reason === 'OK' ? ended.bytes : undefined;
  }

  async #batch(method: string, request: Uint8Array, operations: readonly Operation[]): Promise<Buffer | undefined> {
    const { connection, ledger } = this.#parts;
    const ended = await connection.unary.call({ method: `${CRYPTO}/${method}`, request });
    if (ended.reason === 'OK') return ended.bytes;
    for (const _ of operations) ledger.refused(ended);
    return undefined;
  }

  #items(results: readonly { readonly error?: Status | undefined }[], operations: readonly Operation[]): void {
    const { ledger } = this.#parts;
    for (const [at, operation] of operations.entries()) {
      const error = results[at]?.error;
      const refusal = error && fromStatus(error);
      if (refusal === undefined) ledger.answered(operation, 'OK');
      else if (ANSWERS.has(refusal.reason)) ledger.answered(operation, refusal.reason);
      else ledger.refused(refusal);
    }
  }

  /** What came back where the stream ended well. */
  async #stream(
    call: {
      write(message: never): boolean;
      end(): void;
      on(event: string, listener: (value: never) => void): unknown;
    },
    sent: Iterable<Uint8Array>,
    { opened, ended }: { readonly opened: Operation; readonly ended: Operation },
  ): Promise<Buffer | undefined> {
    const { ledger, connection } = this.#parts;
    const received: Uint8Array[] = [];
    let isOpen = false;
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    call.on('data', (message: { readonly opened?: unknown; readonly chunk?: Uint8Array }) => {
      if (message.opened !== undefined) ledger.answered(opened, 'OK');
      isOpen ||= message.opened !== undefined;
      if (message.chunk !== undefined) received.push(message.chunk);
    });
    call.on('error', (error: ServiceError) => {
      for (const _ of isOpen ? [ended] : [opened, ended]) ledger.refused(connection.refusal(error));
      resolve(undefined);
    });
    call.on('end', () => {
      // After an error too, where the error comes first or follows in the same turn.
      setImmediate(() => {
        if (isOpen) resolve(Buffer.concat(received));
      });
    });
    for (const piece of sent) {
      call.write(chunk(piece) as never);
      await new Promise((done) => setImmediate(done));
    }
    call.end();
    const bytes = await promise;
    if (bytes !== undefined) ledger.answered(ended, 'OK');
    return bytes;
  }

  #operation(target: Target, { kind, method, itemId = '' }: { kind: EventKind; method: string; itemId?: string }): Operation {
    const operation: Operation = { ...target, kind, method, itemId, phase: 'whole' };
    this.#parts.ledger.asked(operation);
    return operation;
  }

  #halves(kind: EventKind, method: string, target: Target): { readonly opened: Operation; readonly ended: Operation } {
    const [opened, ended] = (['opened', 'ended'] as const).map((phase) => ({ ...target, kind, method, itemId: '', phase }));
    for (const half of [opened, ended]) this.#parts.ledger.asked(half as Operation);
    return { opened: opened as Operation, ended: ended as Operation };
  }

  #fields(): Map<string, Uint8Array> {
    const { random } = this.#parts;
    return new Map([
      ['name', Buffer.alloc(between(random, 1, 64), 'n')],
      ['notes', Buffer.alloc(between(random, 1, 1_024), 'm')],
    ]);
  }

  #document(tenantId: string): Document | undefined {
    const documents = this.#parts.stored.documents.get(tenantId);
    return documents && oneOf(this.#parts.random, documents);
  }

  #store(tenantId: string, { edek, fields }: Document): void {
    keep(this.#parts.stored.documents, tenantId, { edek, fields });
  }
}

/** The newest of each tenant stay. */
function keep<T>(all: Map<string, T[]>, tenantId: string, one: T): void {
  const kept = all.get(tenantId) ?? [];
  all.set(tenantId, kept);
  kept.push(one);
  if (kept.length > MAX_STORED) kept.shift();
}

function damaged({ edek, fields }: Document): Document {
  const changed = [...fields].map(([name, value]): [string, Uint8Array] => {
    const copy = Uint8Array.from(value);
    copy[copy.length - 1] = (copy.at(-1) as number) ^ 1;
    return [name, copy];
  });
  return { edek, fields: new Map(changed) };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
