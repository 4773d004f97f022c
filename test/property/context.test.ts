import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from '../../src/core/byte-reader.ts';
import { encodeContext, encodeWrapContext } from '../../src/core/encryption-context.ts';
import { KeysideError } from '../../src/core/errors.ts';
import type { KeyConfigurationId, TenantId } from '../../src/core/ids.ts';
import { compareUtf8, decodeUtf8 } from '../../src/core/text.ts';
import { encryptionContext, id, text } from './arbitraries.ts';
import { check } from './runs.ts';

describe('canonical contexts', () => {
  it('can be read back, every pair in the order of the bytes: no two contexts are one', () => {
    check(
      fc.property(encryptionContext, (given) => {
        const reader = new ByteReader(encodeContext(given));
        const read = (): string => decodeUtf8(reader.lp('part'));
        assert.deepEqual([read(), read(), read()], ['tenant', given.tenantId, given.dataLabel]);
        const pairs = Array.from({ length: reader.u16('count') }, () => [read(), read()] as const);
        assert.equal(reader.remaining, 0);
        assert.deepEqual(new Map(pairs), new Map(given.pairs));
        for (const [at, [key]] of pairs.entries()) {
          if (at > 0) assert.ok(Buffer.compare(Buffer.from(pairs[at - 1]?.[0] ?? ''), Buffer.from(key)) < 0);
        }
      }),
      200,
    );
  });

  it('refuse any string that UTF-8 cannot hold, and no other short one', () => {
    const anything = fc.array(fc.nat(0xffff), { maxLength: 6 }).map((units) => String.fromCharCode(...units));
    check(
      fc.property(anything, (value) => {
        let refused = false;
        try {
          encodeContext({ tenantId: 'acme' as TenantId, dataLabel: '', pairs: new Map([[value, value]]) });
        } catch (error) {
          assert.ok(error instanceof KeysideError && error.reason === 'REQUEST_INVALID');
          refused = true;
        }
        assert.equal(refused, Buffer.from(value).toString() !== value);
      }),
      500,
    );
  });

  it('never take two wrap contexts for one', () => {
    const context = fc.record({ tenant: id, configuration: id, share: fc.nat(16), n: fc.nat(16) });
    const encode = ({ tenant, configuration, share, n }: typeof context extends fc.Arbitrary<infer T> ? T : never): Buffer =>
      Buffer.from(
        encodeWrapContext({
          tenantId: tenant as TenantId,
          configurationId: configuration as KeyConfigurationId,
          share,
          shareCount: n,
        }),
      );
    check(
      fc.property(context, context, (a, b) => {
        const moved = { ...a, tenant: a.tenant + a.configuration.slice(0, 1), configuration: `${a.configuration.slice(1)}x` };
        for (const other of [b, moved]) {
          const isSame = JSON.stringify(a) === JSON.stringify(other);
          assert.equal(encode(a).equals(encode(other)), isSame);
        }
      }),
      200,
    );
  });
});

describe('texts', () => {
  it('come back from their bytes', () => {
    check(
      fc.property(text, (value) => assert.equal(decodeUtf8(Buffer.from(value)), value)),
      500,
    );
  });

  it('are never read from bytes that another text has', () => {
    check(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        try {
          assert.deepEqual(Buffer.from(decodeUtf8(bytes)), Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof KeysideError && error.reason === 'REQUEST_INVALID', `${error}`);
        }
      }),
      1_000,
    );
  });

  it('are ordered as their bytes', () => {
    check(
      fc.property(text, text, (a, b) => assert.equal(compareUtf8(a, b), Buffer.compare(Buffer.from(a), Buffer.from(b)))),
      500,
    );
  });
});
