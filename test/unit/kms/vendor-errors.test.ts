import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reasonEntry } from '../../../src/core/errors.ts';
import { KEY_STORE_ERRORS } from '../../../src/kms/aws/error-table.ts';
import { VAULT_ERRORS, VAULT_WORDS } from '../../../src/kms/azure/error-table.ts';
import { CONNECTION_ERRORS } from '../../../src/kms/kmip/error-table.ts';
import { LOGIN_ERRORS, TLS_ERRORS, TRANSIT_ERRORS } from '../../../src/kms/vault/error-table.ts';
import { VENDOR_ERRORS } from '../../../tools/vendor-errors/providers.ts';

const REJECTED = 'the ciphertext does not verify for this tenant, context and key';

describe('the sample of each line of docs/vendor-errors.md, read by the code that serves,', () => {
  for (const [provider, errors] of VENDOR_ERRORS) {
    for (const { place, toldBy, sample, reason, says, code, read } of errors) {
      it(`${provider}, ${place}: ${toldBy} is ${reason}`, () => {
        assert.notEqual(sample.trim(), '', 'no line is without a sample');
        const { error, unless } = read();
        assert.equal(error.reason, reason);
        assert.equal(reasonEntry(error.reason).code, reasonEntry(reason).code);
        if (reason === 'CIPHERTEXT_REJECTED') assert.equal(error.message, REJECTED);
        else assert.ok(error.message.includes(says ?? ''), `${error.message} does not say: ${says}`);
        if (reason !== 'CIPHERTEXT_REJECTED' && code !== undefined)
          assert.ok(error.message.endsWith(` (${code})`), error.message);
        if (unless !== undefined) assert.notEqual(unless.reason, reason);
      });
    }

    it(`${provider} has no two lines that are told alike`, () => {
      const told = errors.map(({ place, toldBy, sample }) => `${place}: ${toldBy}: ${sample}`);
      assert.deepEqual(told, [...new Set(told)]);
    });
  }

  it('each provider has lines', () => {
    assert.deepEqual([...VENDOR_ERRORS.keys()], ['aws', 'gcp', 'azure', 'vault', 'pkcs11', 'kmip', 'local']);
    for (const [provider, errors] of VENDOR_ERRORS) assert.ok(errors.length >= 7, provider);
  });
});

describe('where the first row that fits counts, no row is hidden by one above it:', () => {
  const firsts = [
    ...KEY_STORE_ERRORS.map((row) => ({
      name: `aws, ${row.part}`,
      own: row.part,
      first: KEY_STORE_ERRORS.find(({ part }) => row.sample.includes(part))?.part,
    })),
    ...VAULT_WORDS.map(({ code }) => ({
      name: `azure, ${code}`,
      own: code,
      first: VAULT_WORDS.find(({ words }) => words.test(VAULT_ERRORS.get(code)?.samples[code]?.[1] ?? ''))?.code,
    })),
    ...[TRANSIT_ERRORS, LOGIN_ERRORS].flatMap((rows) =>
      rows.map(({ status: own, part, sample }) => ({
        name: `vault, HTTP ${own} "${sample}"`,
        own: part,
        first: rows.find((row) => row.status === own && sample.includes(row.part))?.part,
      })),
    ),
    ...TLS_ERRORS.map((row) => ({
      name: `vault, ${row.sample}`,
      own: row.code,
      first: TLS_ERRORS.find(({ code }) => code.test(row.sample))?.code,
    })),
    ...CONNECTION_ERRORS.flatMap((row) =>
      row.samples.map((sample) => ({
        name: `kmip, ${sample}`,
        own: row.code,
        first: CONNECTION_ERRORS.find(({ code }) => code.test(sample))?.code,
      })),
    ),
  ];
  for (const { name, own, first } of firsts) {
    it(name, () => {
      assert.equal(first, own);
    });
  }
});
