import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BatchEncryptRequest, EncryptRequest } from '../../../src/gen/keyside/v1/crypto.ts';
import { assertFewItems, DOCUMENTS, decodedBytes, OPENING } from '../../../src/rpc/item-count.ts';
import { refused } from '../../fakes/refused.ts';

const none = { metadata: undefined, edek: new Uint8Array(0), context: new Map<string, string>() };

describe('the count of what a request holds', () => {
  it('refuses millions of empty entries before any is built', async () => {
    const entries = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < entries.length; at += 2) entries[at] = 0x12;
    await refused(() => assertFewItems(entries, DOCUMENTS), 'PAYLOAD_TOO_LARGE', /more than 262144/);
  });

  it('refuses them inside the documents of a batch', async () => {
    const entries = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < entries.length; at += 2) entries[at] = 0x12;
    const head = Buffer.concat([Buffer.from([0x12]), Buffer.from([0x80, 0x80, 0x40]), entries]);
    await refused(() => assertFewItems(head, DOCUMENTS), 'PAYLOAD_TOO_LARGE', /more than 262144/);
  });

  it('lets the largest document and a large batch through', () => {
    const fields = new Map(Array.from({ length: 65_536 }, (_, at) => [`field ${at}`, Buffer.alloc(40)]));
    assertFewItems(EncryptRequest.encode({ tenantId: 'acme', fields, ...none }).finish(), DOCUMENTS);
    const small = new Map(Array.from({ length: 50 }, (_, at) => [`field ${at}`, Buffer.alloc(40)]));
    const documents = Array.from({ length: 1_000 }, (_, at) => ({ id: String(at), fields: small, ...none }));
    assertFewItems(BatchEncryptRequest.encode({ tenantId: 'acme', documents, metadata: undefined }).finish(), DOCUMENTS);
  });

  it('looks into the opening of a stream, and not into its chunks, whose bytes are not ours', async () => {
    const many = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < many.length; at += 2) many[at] = 0x12;
    const length = Buffer.from([0x80, 0x80, 0x40]);
    assertFewItems(Buffer.concat([Buffer.from([0x12]), length, many]), OPENING);
    await refused(() => assertFewItems(Buffer.concat([Buffer.from([0x0a]), length, many]), OPENING), 'PAYLOAD_TOO_LARGE');
  });

  it('leaves what is not protobuf to the decoder', () => {
    assertFewItems(Buffer.alloc(1024 * 1024, 0xff), DOCUMENTS);
  });

  it('says how much memory the decoded message takes: by its items, whatever they hold', () => {
    const empty = Buffer.alloc(2_000);
    for (let at = 0; at < empty.length; at += 2) empty[at] = 0x12;
    assert.equal(decodedBytes(empty, DOCUMENTS), 1_000 * 640);
    const inner = Buffer.concat([Buffer.of(0x12, 0xe8, 0x07), empty.subarray(0, 1_000)]);
    assert.equal(decodedBytes(inner, DOCUMENTS), 640 + 500 * 256);
    assert.equal(decodedBytes(inner, OPENING), 640, 'a field that is not looked into is one');
    assert.equal(decodedBytes(Buffer.alloc(0), DOCUMENTS), 0);
  });

  it('counts what comes after groups, of which nothing is kept, however deep they are', () => {
    const deep = Buffer.concat([Buffer.alloc(300_000, 0x0b), Buffer.alloc(300_000, 0x0c)]);
    assert.equal(decodedBytes(Buffer.concat([deep, Buffer.of(0x12, 0x00)]), DOCUMENTS), 2 * 640);
    assertFewItems(deep, DOCUMENTS);
  });
});
