import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import * as all from '../src/index.ts';
import { type CallMetadata, KeysideClient, KeysideError } from '../src/index.ts';
import {
  type BatchScenario,
  type ErrorScenario,
  fieldsOf,
  fromWritten,
  patterned,
  plainOf,
  type RangeScenario,
  readJson,
  type Scenarios,
  type StreamScenario,
  type Written,
} from './interop-scenarios.ts';

/** One entry of the reader's list. */
export interface Result {
  readonly writer: string;
  readonly kind: 'document' | 'batch' | 'stream' | 'range' | 'errors';
  readonly scenario: string;
  readonly passed: boolean;
  readonly says: string;
}

/** Reads what one writer wrote. */
export class Reader {
  readonly #client: KeysideClient;
  readonly #scenarios: Scenarios;
  readonly #folder: string;
  readonly #writer: string;
  readonly #written: Written;
  readonly results: Result[] = [];

  constructor(client: KeysideClient, scenarios: Scenarios, { folder, writer }: { folder: string; writer: string }) {
    this.#client = client;
    this.#scenarios = scenarios;
    this.#folder = folder;
    this.#writer = writer;
    this.#written = readJson(join(folder, `${writer}.json`));
  }

  async readAll(): Promise<void> {
    const { documents, batches, streams, ranges, errors } = this.#scenarios;
    for (const each of documents) await this.#try('document', each.id, () => this.#document(each));
    for (const each of batches) await this.#try('batch', each.id, () => this.#batch(each));
    for (const each of streams) await this.#try('stream', each.id, () => this.#stream(each));
    for (const each of ranges) await this.#try('range', each.id, () => this.#range(each));
    for (const each of errors) await this.#try('errors', each.id, () => this.#error(each));
  }

  async #try(kind: Result['kind'], scenario: string, work: () => Promise<void>): Promise<void> {
    const entry = { writer: this.#writer, kind, scenario };
    try {
      await work();
      this.results.push({ ...entry, passed: true, says: '' });
    } catch (error) {
      this.results.push({ ...entry, passed: false, says: error instanceof Error ? error.message : String(error) });
    }
  }

  async #document({ id, metadata, fields }: Scenarios['documents'][number]): Promise<void> {
    const stored = this.#stored(id);
    const want = comparable(plainOf(fields));
    assert.deepEqual(comparable((await this.#client.decrypt(stored, metadata)).fields), want);
    const { edek } = await this.#client.rewrap(stored, metadata);
    assert.deepEqual(comparable((await this.#client.decrypt({ ...stored, edek }, metadata)).fields), want);
  }

  async #batch({ id, metadata, documents }: BatchScenario): Promise<void> {
    const stored = (this.#written.batches[id] ?? []).map((each, at) => ({
      id: each.id,
      ...fromWritten(each),
      context: documents[at]?.context,
    }));
    const want = documents.map((each) => ({ id: each.id, fields: comparable(plainOf(each.fields)) }));
    const opened = await this.#client.decryptBatch(stored, metadata);
    assert.deepEqual(opened.map(plainResult), want);
    const [first, ...others] = await this.#client.decryptBatch(
      stored.map((each, at) => (at === 0 ? { ...each, context: { wrong: 'context' } } : each)),
      metadata,
    );
    assert.ok(first?.error instanceof all.CiphertextRejectedError, `the first ended in ${first?.error}`);
    assert.deepEqual(others.map(plainResult), want.slice(1));
    const rewrapped = await this.#client.rewrapBatch(stored, metadata);
    assert.deepEqual(
      rewrapped.map((each) => [each.id, each.error?.message]),
      documents.map((each) => [each.id, undefined]),
    );
  }

  async #stream({ id, metadata, bytes, seed, detached }: StreamScenario): Promise<void> {
    const { edek, body } = this.#object(id);
    const options = detached ? { edek } : {};
    const found = await collect(this.#client.decryptStream(createReadStream(body, { highWaterMark: 50_000 }), metadata, options));
    assert.ok(found.equals(patterned(bytes, seed)), `${found.length} bytes came, which are not the ${bytes} expected`);
  }

  async #range({ stream, offset, length, expected }: RangeScenario): Promise<void> {
    const scenario = this.#scenarios.streams.find(({ id }) => id === stream);
    if (scenario === undefined) throw new Error(`there is no stream ${stream}`);
    const { edek, body } = this.#object(stream);
    const start = scenario.detached ? 0 : edek.length;
    const read = (at: number, count: number) => createReadStream(body, { start: start + at, end: start + at + count - 1 });
    const range = { edek, offset, length: length ?? undefined, objectSize: scenario.bytes, read };
    const found = await collect(this.#client.decryptRange(range, scenario.metadata));
    const want = patterned(scenario.bytes, scenario.seed).subarray(offset, offset + expected);
    assert.ok(found.equals(want), `${found.length} bytes came, which are not the ${expected} expected`);
  }

  async #error(scenario: ErrorScenario): Promise<void> {
    const error = await this.#failure(scenario);
    const { reason, code, retryable: isRetryable } = scenario;
    const found = { reason: error.reason, code: error.code, isRetryable: error.isRetryable };
    assert.deepEqual(found, { reason, code, isRetryable }, error.message);
    const words = reason.toLowerCase().split('_');
    const type = `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Error`;
    const exported = all as unknown as Record<string, new () => unknown>;
    assert.ok(error instanceof (exported[type] as new () => unknown), `it is a ${error.name}, not a ${type}`);
    if (scenario.tenantId !== undefined) assert.equal(error.tenantId, scenario.tenantId);
    if (scenario.keyId !== undefined) assert.equal(error.keyId, scenario.keyId);
  }

  async #failure(scenario: ErrorScenario): Promise<KeysideError> {
    using client = this.#clientOf(scenario);
    const call = this.#call(scenario, client ?? this.#client);
    const outcome = await call.then(
      (answer) => answer,
      (thrown) => thrown,
    );
    if (outcome instanceof KeysideError) return outcome;
    throw new Error(`it ended in ${JSON.stringify(outcome) ?? outcome} and not in an error`);
  }

  #clientOf({ token }: ErrorScenario): KeysideClient | undefined {
    if (token === undefined) return undefined;
    return new KeysideClient({ tokenFile: join(process.env.KEYSIDE_INTEROP_TOKENS ?? '', token) });
  }

  async #call(scenario: ErrorScenario, client: KeysideClient): Promise<unknown> {
    const { call, document, change = {}, metadata, fields, event = '' } = scenario;
    const options = { timeoutMs: scenario.deadlineMs };
    const about = this.#scenarios.documents.find(({ id }) => id === document)?.metadata;
    const whom = { ...about, ...metadata } as CallMetadata;
    if (call === 'encrypt') return await client.encrypt(fields ? fieldsOf(fields) : { a: 'x' }, whom, options);
    if (call === 'checkKey') {
      const check = await client.checkKey({ tenantId: whom.tenantId }, options);
      return check.isUsable ? check : check.error;
    }
    if (call === 'logSecurityEvent') return await client.logSecurityEvent({ event }, whom, options);
    const { edek, fields: stored } = this.#stored(document ?? '');
    if (change.edek !== undefined || change.flip === 'edek') {
      const changed = change.edek === undefined ? flipped(edek) : Buffer.from(change.edek, 'base64');
      if (call === 'rewrap') return await client.rewrap({ edek: changed }, whom, options);
      return await client.decrypt({ edek: changed, fields: stored }, whom, options);
    }
    if (change.flip !== undefined) stored.set(change.flip, flipped(stored.get(change.flip) ?? new Uint8Array()));
    if (call === 'rewrap') return await client.rewrap({ edek }, whom, options);
    return await client.decrypt({ edek, fields: stored }, whom, options);
  }

  #stored(id: string) {
    const written = this.#written.documents[id];
    if (written === undefined) throw new Error(`${this.#writer} wrote no document ${id}`);
    return fromWritten(written);
  }

  #object(id: string): { edek: Buffer; body: string } {
    const written = this.#written.streams[id];
    if (written === undefined) throw new Error(`${this.#writer} wrote no stream ${id}`);
    return { edek: Buffer.from(written.edek, 'base64'), body: join(this.#folder, written.body) };
  }
}

function plainResult(result: all.BatchResult<all.PlaintextDocument>) {
  if (result.error !== undefined) throw result.error;
  return { id: result.id, fields: comparable(result.document.fields) };
}

function comparable(fields: ReadonlyMap<string, Uint8Array>): [string, string][] {
  return [...fields].map(([name, value]): [string, string] => [name, Buffer.from(value).toString('hex')]).sort();
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
