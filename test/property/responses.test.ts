import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import {
  BatchDecryptResponse,
  BatchEncryptResponse,
  BatchRewrapResponse,
  DecryptResponse,
  EncryptResponse,
  RewrapResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import { CheckKeyResponse, DropKeysResponse, ListKeysResponse } from '../../src/gen/keyside/v1/key.ts';
import { DecryptStreamResponse, EncryptStreamResponse } from '../../src/gen/keyside/v1/stream.ts';
import type { MessageType } from '../../src/rpc/messages.ts';
import { ScratchWriter } from '../../src/rpc/scratch-writer.ts';
import { bytes as shortBytes, text } from './arbitraries.ts';
import { check } from './runs.ts';

/** Around the sizes at which a length takes one byte more. */
const bytes = fc.oneof(
  shortBytes,
  fc.constantFrom(127, 128, 204, 16_383, 16_384, 300_000, 2_097_152).map((length) => new Uint8Array(length).fill(length)),
);
const strings = fc.oneof(
  text,
  fc.constantFrom(127, 128, 1_024).map((length) => 'é'.repeat(length)),
  fc.constant('\ud800'),
);
const mapOf = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<Map<string, V>> =>
  fc.array(fc.tuple(strings, value), { maxLength: 6 }).map((entries) => new Map(entries));
const optional = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<V | undefined> => fc.option(value, { nil: undefined });
const fields = mapOf(bytes);
const encrypted = fc.record({ fields, edek: bytes });
const decrypted = fc.record({ fields });
const rewrapped = fc.record({ edek: bytes, keyId: strings, changed: fc.boolean() });
const anyDetail = fc.record({ reason: strings, domain: strings, metadata: mapOf(strings) }).map((info) => ({
  typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
  value: ErrorInfo.encode(info).finish(),
}));
const status = fc.record({
  code: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  message: strings,
  details: fc.array(anyDetail, { maxLength: 2 }),
});
const batchOf = <R>(document: fc.Arbitrary<R>) =>
  fc.record({
    results: fc.array(fc.record({ id: strings, document: optional(document), error: optional(status) }), { maxLength: 5 }),
  });
const configuration = fc.record({
  keyId: strings,
  provider: strings,
  state: fc.integer({ min: 0, max: 4 }),
  custody: strings,
  vendorDefault: fc.boolean(),
});
const duration = fc.record({ seconds: fc.maxSafeInteger(), nanos: fc.integer({ min: -999_999_999, max: 999_999_999 }) });
const whole = fc.maxSafeNat();

const RESPONSES: Record<string, [MessageType<unknown>, fc.Arbitrary<unknown>]> = {
  EncryptResponse: [EncryptResponse as MessageType<unknown>, encrypted],
  DecryptResponse: [DecryptResponse as MessageType<unknown>, decrypted],
  RewrapResponse: [RewrapResponse as MessageType<unknown>, rewrapped],
  BatchEncryptResponse: [BatchEncryptResponse as MessageType<unknown>, batchOf(encrypted)],
  BatchDecryptResponse: [BatchDecryptResponse as MessageType<unknown>, batchOf(decrypted)],
  BatchRewrapResponse: [BatchRewrapResponse as MessageType<unknown>, batchOf(rewrapped)],
  EncryptStreamResponse: [
    EncryptStreamResponse as MessageType<unknown>,
    fc.record({ opened: optional(fc.record({ edek: bytes })), chunk: optional(bytes) }),
  ],
  DecryptStreamResponse: [
    DecryptStreamResponse as MessageType<unknown>,
    fc.record({
      opened: optional(fc.record({ spans: fc.array(fc.record({ offset: whole, length: whole }), { maxLength: 3 }) })),
      chunk: optional(bytes),
    }),
  ],
  CheckKeyResponse: [
    CheckKeyResponse as MessageType<unknown>,
    fc.record({
      key: optional(configuration),
      usable: fc.boolean(),
      kmsState: strings,
      keyVersion: strings,
      wrapLatency: optional(duration),
      unwrapLatency: optional(duration),
      error: optional(status),
    }),
  ],
  ListKeysResponse: [ListKeysResponse as MessageType<unknown>, fc.record({ keys: fc.array(configuration, { maxLength: 4 }) })],
  DropKeysResponse: [DropKeysResponse as MessageType<unknown>, fc.record({ dropped: fc.nat() })],
};

for (const [name, [type, message]] of Object.entries(RESPONSES)) {
  it(`any ${name} is the same bytes from the scratch writer as from the generated encoder`, () => {
    const scratch = new ScratchWriter();
    check(
      fc.property(message, (value) => {
        const view = scratch.write((writer) => type.encode(value, writer));
        assert.equal(Buffer.compare(view, type.encode(value).finish()), 0);
      }),
    );
  });
}
