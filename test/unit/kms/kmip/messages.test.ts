import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { byteString, enumeration, optional, required, structure, text } from '../../../../src/kms/kmip/fields.ts';
import { decodeResponse, encodeRequest, type KmipRefusal, type KmipResult } from '../../../../src/kms/kmip/messages.ts';
import { factsOperation, locateOperation } from '../../../../src/kms/kmip/operations.ts';
import { OPERATION, TAG } from '../../../../src/kms/kmip/tags.ts';
import { encodeTtlv, MalformedTtlv, type TtlvItem } from '../../../../src/kms/kmip/ttlv.ts';
import { check } from '../../../property/runs.ts';
import { facts, KEY_UID, located, operationsOf, readRequest, response } from './kmip-samples.ts';

const PAIR = [factsOperation(KEY_UID), locateOperation('acme')];
const CODES = PAIR.map(({ code }) => code);

describe('a request', () => {
  it('is of KMIP 1.4, ordered, and holds each operation with an id of its own', () => {
    const bytes = encodeRequest(PAIR, undefined);
    const { header } = readRequest(bytes);
    const version = required(header, TAG.protocolVersion, 'structure');
    assert.equal(required(version, TAG.protocolVersionMajor, 'integer').value, 1);
    assert.equal(required(version, TAG.protocolVersionMinor, 'integer').value, 4);
    assert.equal(required(header, TAG.maximumResponseSize, 'integer').value, 65_536);
    assert.equal(required(header, TAG.batchOrderOption, 'boolean').value, true);
    assert.equal(required(header, TAG.batchCount, 'integer').value, 2);
    assert.equal(optional(header, TAG.authentication, 'structure'), undefined);
    assert.deepEqual(operationsOf(bytes), [OPERATION.getAttributes, OPERATION.locate]);
  });

  it('carries a user name and a password', () => {
    const password = SecretBytes.own(new Uint8Array(Buffer.from('pass wörd')));
    const { header } = readRequest(encodeRequest(PAIR, { username: 'keyside', password }));
    const credential = required(required(header, TAG.authentication, 'structure'), TAG.credential, 'structure');
    assert.equal(required(credential, TAG.credentialType, 'enumeration').value, 1);
    const value = required(credential, TAG.credentialValue, 'structure');
    assert.equal(required(value, TAG.username, 'text').value, 'keyside');
    assert.equal(required(value, TAG.password, 'text').value, 'pass wörd');
  });
});

describe('a response', () => {
  const read = (bytes: Uint8Array): readonly KmipResult[] => decodeResponse(bytes, PAIR);
  const kinds = (results: readonly KmipResult[]): readonly string[] => results.map((result) => Object.keys(result)[0] ?? '');
  const refusal = (result: KmipResult | undefined): KmipRefusal => {
    assert.ok(result !== undefined && 'refusal' in result);
    return result.refusal;
  };
  const item = (...fields: readonly TtlvItem[]): TtlvItem => structure(TAG.batchItem, fields);
  const message = (...items: readonly TtlvItem[]): Uint8Array => encodeTtlv(structure(TAG.responseMessage, items));
  const success = [enumeration(TAG.resultStatus, 0), structure(TAG.responsePayload, [])];

  it('gives each operation its result', () => {
    assert.deepEqual(kinds(read(response(CODES, [facts(), located('a')]))), ['payload', 'payload']);
  });

  it('may come in another order, by its ids', () => {
    const [first, second] = [0, 1].map((id) =>
      item(enumeration(TAG.operation, CODES[id] ?? 0), byteString(TAG.uniqueBatchItemId, Uint8Array.of(id)), ...success),
    ) as [TtlvItem, TtlvItem];
    assert.deepEqual(kinds(read(message(second, first))), ['payload', 'payload']);
  });

  it('may leave out the ids, and what the server did not do any more', () => {
    assert.deepEqual(kinds(read(message(item(...success)))), ['payload', 'isMissing']);
  });

  it('that refuses the message as a whole refuses the first operation', () => {
    const bytes = message(
      item(enumeration(TAG.resultStatus, 1), enumeration(TAG.resultReason, 4), text(TAG.resultMessage, 'no')),
    );
    const results = read(bytes);
    assert.deepEqual(kinds(results), ['refusal', 'isMissing']);
    assert.equal(refusal(results[0]).resultReason, 4);
  });

  it('that is pending counts as a refusal: nothing here waits', () => {
    assert.equal(refusal(read(message(item(enumeration(TAG.resultStatus, 2))))[0]).resultReason, undefined);
  });

  it('says in the words of the server, cut and without control characters, what went wrong', () => {
    const results = read(response(CODES, [{ reason: 1, message: `a\nb\u202ec${'x'.repeat(500)}` }]));
    assert.match(refusal(results[0]).message, /^result status 1, reason 0x1: a\?b\?cx{195}$/);
  });

  const malformed: readonly { readonly name: string; readonly bytes: Uint8Array }[] = [
    { name: 'a request', bytes: encodeRequest(PAIR, undefined) },
    { name: 'no item', bytes: message() },
    { name: 'more items than were asked for', bytes: message(item(...success), item(...success), item(...success)) },
    { name: 'an id that was not given', bytes: message(item(byteString(TAG.uniqueBatchItemId, Uint8Array.of(7)), ...success)) },
    { name: 'an empty id', bytes: message(item(byteString(TAG.uniqueBatchItemId, new Uint8Array()), ...success)) },
    {
      name: 'an id twice',
      bytes: message(...[0, 0].map((id) => item(byteString(TAG.uniqueBatchItemId, Uint8Array.of(id)), ...success))),
    },
    { name: 'another operation', bytes: response([OPERATION.decrypt], [facts()]) },
    { name: 'no status', bytes: message(item(structure(TAG.responsePayload, []))) },
    { name: 'a status twice', bytes: message(item(enumeration(TAG.resultStatus, 1), ...success)) },
    { name: 'a success without a payload', bytes: message(item(enumeration(TAG.resultStatus, 0))) },
    { name: 'an item that is no structure', bytes: message(text(TAG.batchItem, 'x')) },
  ];
  for (const { name, bytes } of malformed) {
    it(`with ${name} is not believed`, () => {
      assert.throws(() => read(bytes), MalformedTtlv);
    });
  }

  it('ends in results or in MalformedTtlv, whatever byte of it is altered', () => {
    const bytes = response(CODES, [facts(), located('a', 'b')]);
    check(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = bytes.map((byte, index) => (index === at ? byte ^ change : byte));
        try {
          for (const [index, result] of read(altered).entries()) if ('payload' in result) PAIR[index]?.read(result.payload);
        } catch (error) {
          assert.ok(error instanceof MalformedTtlv, String(error));
        }
      }),
      1_000,
    );
  });
});
