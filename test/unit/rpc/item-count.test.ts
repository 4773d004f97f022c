import { describe, it } from 'node:test';
import { BatchEncryptRequest, EncryptRequest } from '../../../src/gen/keyside/v1/crypto.ts';
import { assertFewItems, DOCUMENTS, OPENING } from '../../../src/rpc/item-count.ts';
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
});
