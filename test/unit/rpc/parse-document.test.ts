import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorReason } from '../../../src/core/errors.ts';
import { checkBatch, checkFields, requireEdek } from '../../../src/rpc/parse-document.ts';
import { refused } from '../../fakes/refused.ts';

const LIMITS = { maxDocumentBytes: 100, maxFields: 3, maxBatchDocuments: 2 };

const sized = (...sizes: readonly number[]): Map<string, Uint8Array> =>
  new Map(sizes.map((size, at) => [String(at), new Uint8Array(size)]));

describe('the limits of a document', () => {
  const taken: { name: string; input: Map<string, Uint8Array>; form: 'plaintext' | 'ciphertext'; want: number }[] = [
    { name: 'no fields', input: sized(), form: 'plaintext', want: 0 },
    { name: 'as many bytes as there may be', input: sized(60, 40), form: 'plaintext', want: 100 },
    { name: 'as many fields as there may be', input: sized(1, 0, 1), form: 'plaintext', want: 2 },
    { name: 'ciphertexts of such a document, each 41 bytes longer', input: sized(101, 81), form: 'ciphertext', want: 182 },
    {
      name: 'a name of 65,535 bytes',
      input: new Map([['é'.repeat(32_767).concat('x'), new Uint8Array(1)]]),
      form: 'plaintext',
      want: 1,
    },
    { name: 'an empty name', input: new Map([['', new Uint8Array(1)]]), form: 'plaintext', want: 1 },
  ];
  for (const { name, input, form, want } of taken) {
    it(`let through ${name}`, () => {
      assert.equal(checkFields(input, LIMITS, form), want);
    });
  }

  const cases: { name: string; input: () => unknown; reason: ErrorReason; details: object }[] = [
    {
      name: 'one byte more',
      input: () => checkFields(sized(60, 41), LIMITS, 'plaintext'),
      reason: 'PAYLOAD_TOO_LARGE',
      details: { limitBytes: 100 },
    },
    {
      name: 'one ciphertext byte more',
      input: () => checkFields(sized(142), LIMITS, 'ciphertext'),
      reason: 'PAYLOAD_TOO_LARGE',
      details: { limitBytes: 141 },
    },
    {
      name: 'one field more',
      input: () => checkFields(sized(0, 0, 0, 0), LIMITS, 'plaintext'),
      reason: 'PAYLOAD_TOO_LARGE',
      details: { limitFields: 3 },
    },
    {
      name: 'a name of 65,536 bytes',
      input: () => checkFields(new Map([['é'.repeat(32_768), new Uint8Array()]]), LIMITS, 'plaintext'),
      reason: 'REQUEST_INVALID',
      details: { limitBytes: 65_535 },
    },
    {
      name: 'one document more',
      input: () => checkBatch([{ id: '' }, { id: '' }, { id: '' }], LIMITS),
      reason: 'PAYLOAD_TOO_LARGE',
      details: { limitDocuments: 2 },
    },
    {
      name: 'an id of 1,025 bytes',
      input: () => checkBatch([{ id: `${'é'.repeat(512)}x` }], LIMITS),
      reason: 'REQUEST_INVALID',
      details: {},
    },
    { name: 'no EDEK', input: () => requireEdek(new Uint8Array()), reason: 'REQUEST_INVALID', details: { field: 'edek' } },
  ];
  for (const { name, input, reason, details } of cases) {
    it(`refuse ${name}`, async () => {
      assert.deepEqual((await refused(input, reason)).details, details);
    });
  }

  it('let through a batch as large as it may be, with the longest ids, and any EDEK', () => {
    checkBatch([{ id: 'é'.repeat(512) }, { id: '' }], LIMITS);
    checkBatch([], LIMITS);
    const edek = Uint8Array.of(1);
    assert.equal(requireEdek(edek), edek);
  });
});
