import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { CryptoServiceDefinition } from '../../../src/gen/keyside/v1/crypto.ts';
import { KeyServiceDefinition } from '../../../src/gen/keyside/v1/key.ts';
import { type Decoded, type MessageType, methodDefinition } from '../../../src/rpc/messages.ts';

/** A text that stands nowhere else in a message, so that its bytes can be found there. */
let marks = 0;
const mark = (): string => `<mark ${String(marks++).padStart(3, '0')}>`;
const texts = (): Map<string, string> => new Map([[mark(), mark()]]);
const values = (): Map<string, Uint8Array> => new Map([[mark(), Uint8Array.of(0xff, 0xfe)]]);
const edek = Uint8Array.of(0xc3, 0x28);

const metadata = () => ({
  requesterId: mark(),
  dataLabel: mark(),
  requestId: mark(),
  sourceIp: mark(),
  objectId: mark(),
  purpose: mark(),
  subjectId: mark(),
  attributes: texts(),
});

const document = () => ({ id: mark(), fields: values(), edek, context: texts() });
const request = () => ({ tenantId: mark(), fields: values(), metadata: metadata(), edek, context: texts() });
const batch = (...documents: readonly unknown[]) => ({ tenantId: mark(), documents, metadata: metadata() });

/** Every request of the API with every one of its strings, and how many there are. */
const REQUESTS: { definition: { fullName: string; methods: object }; method: string; message: unknown; strings: number }[] = [
  { definition: CryptoServiceDefinition, method: 'encrypt', message: request(), strings: 13 },
  { definition: CryptoServiceDefinition, method: 'decrypt', message: request(), strings: 13 },
  {
    definition: CryptoServiceDefinition,
    method: 'rewrap',
    message: { tenantId: mark(), edek, metadata: metadata(), context: texts(), targetKeyId: mark() },
    strings: 13,
  },
  { definition: CryptoServiceDefinition, method: 'batchEncrypt', message: batch(document(), document()), strings: 18 },
  { definition: CryptoServiceDefinition, method: 'batchDecrypt', message: batch(document(), document()), strings: 18 },
  {
    definition: CryptoServiceDefinition,
    method: 'batchRewrap',
    message: { ...batch({ id: mark(), edek, context: texts() }), targetKeyId: mark() },
    strings: 14,
  },
  {
    definition: CryptoServiceDefinition,
    method: 'encryptStream',
    message: { open: { tenantId: mark(), metadata: metadata(), context: texts(), detached: true }, chunk: undefined },
    strings: 12,
  },
  {
    definition: CryptoServiceDefinition,
    method: 'decryptStream',
    message: { open: { tenantId: mark(), metadata: metadata(), context: texts(), edek, range: undefined }, chunk: undefined },
    strings: 12,
  },
  { definition: KeyServiceDefinition, method: 'checkKey', message: { tenantId: mark(), keyId: mark() }, strings: 2 },
  { definition: KeyServiceDefinition, method: 'listKeys', message: { tenantId: mark() }, strings: 1 },
  { definition: KeyServiceDefinition, method: 'dropKeys', message: { tenantId: mark(), keyId: mark() }, strings: 2 },
];

function methodOf({ definition, method }: (typeof REQUESTS)[number]) {
  const generic = (definition.methods as Record<string, Parameters<typeof methodDefinition>[1]>)[method];
  assert.ok(generic);
  return methodDefinition<unknown, unknown>(definition.fullName, generic);
}

function faultOf(decoded: Decoded<unknown>): KeysideError {
  return 'fault' in decoded ? decoded.fault : assert.fail('the message was taken');
}

it('every request of both services is in the table', () => {
  const methods = [CryptoServiceDefinition, KeyServiceDefinition].flatMap(({ methods }) => Object.keys(methods));
  assert.deepEqual(REQUESTS.map(({ method }) => method).toSorted(), methods.toSorted());
});

for (const each of REQUESTS) {
  describe(`the request of ${each.method}`, () => {
    const { requestSerialize, requestDeserialize, path } = methodOf(each);
    const bytes = requestSerialize({ message: each.message });
    const positions = [...bytes.toString('latin1').matchAll(/<mark \d{3}>/g)].map(({ index }) => index);

    it('comes back as it was sent', () => {
      assert.match(path, /^\/keyside\.v1\.(Crypto|Key)Service\/[A-Z]/);
      const decoded = requestDeserialize(bytes);
      assert.ok('message' in decoded);
      assert.deepEqual(requestSerialize(decoded), bytes);
    });

    it(`is refused as REQUEST_INVALID for a text that is not UTF-8, in each of its ${each.strings} places`, () => {
      assert.equal(positions.length, each.strings);
      for (const at of positions) {
        for (const wrong of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
          const altered = Buffer.from(bytes);
          altered.set(wrong, at);
          const fault = faultOf(requestDeserialize(altered));
          assert.deepEqual([fault.reason, fault.message], ['REQUEST_INVALID', 'a text is not valid UTF-8']);
        }
      }
    });

    it('is refused as REQUEST_INVALID or taken, and nothing is thrown, wherever it is cut', () => {
      for (let length = 0; length < bytes.length; length++) {
        const decoded = requestDeserialize(bytes.subarray(0, length));
        if ('fault' in decoded) assert.equal(decoded.fault.reason, 'REQUEST_INVALID');
      }
    });
  });
}

describe('bytes that are no message', () => {
  const { requestDeserialize } = methodOf(REQUESTS[0] as (typeof REQUESTS)[number]);
  const garbage: { name: string; input: Buffer }[] = [
    { name: 'a tag without a value', input: Buffer.of(0x0a) },
    { name: 'a length beyond the end', input: Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    { name: 'a varint without an end', input: Buffer.alloc(20, 0xff) },
    { name: 'a wire type that there is not', input: Buffer.of(0x0f) },
    { name: 'groups within groups without an end', input: Buffer.alloc(1_000_000, 0x7b) },
  ];
  for (const { name, input } of garbage) {
    it(`are refused as REQUEST_INVALID: ${name}`, () => {
      const { reason, message } = faultOf(requestDeserialize(input));
      assert.deepEqual([reason, message], ['REQUEST_INVALID', 'the message is not valid protobuf']);
    });
  }

  it('are a view of the request where they are a field of bytes', () => {
    const bytes = Buffer.from([0x22, 0x03, 1, 2, 3]);
    const decoded = requestDeserialize(bytes) as { message: { edek: Uint8Array } };
    assert.equal(decoded.message.edek.buffer, bytes.buffer);
  });

  it('keep a byte order mark and other text as it is', () => {
    const decoded = requestDeserialize(Buffer.concat([Buffer.of(0x0a, 4), Buffer.from('\ufeffa')]));
    assert.equal((decoded as { message: { tenantId: string } }).message.tenantId, '\ufeffa');
  });

  it('are a fault of ours where the decoder throws one of our own errors', () => {
    const thrown = new KeysideError('PAYLOAD_TOO_LARGE', 'too much');
    const requestType: MessageType<unknown> = {
      encode: () => assert.fail('not encoded'),
      decode: () => {
        throw thrown;
      },
    };
    const types = { name: 'Any', requestType, responseType: requestType } as unknown as Parameters<typeof methodDefinition>[1];
    assert.equal(faultOf(methodDefinition('any', types).requestDeserialize(Buffer.alloc(0)) as Decoded<unknown>), thrown);
  });
});
