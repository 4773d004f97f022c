import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { decrypt } from '../../../src/service/decrypt.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { World } from '../../fakes/world.ts';
import { type Asking, decryptFor, encryptFor, requestOf } from './documents.ts';

const FIELDS = { ssn: '123-45-6789', name: 'Ada' };
const STORED = { context: { row: '7' }, label: 'pii' };
const ONE_MESSAGE = 'the ciphertext does not verify for this tenant, context and key';

describe('decrypting a document', () => {
  it('opens some of its fields, all of them, or none: then it proves that the EDEK opens', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS, ...STORED });
    assert.deepEqual(await decryptFor(world, { fields, edek, ...STORED }), FIELDS);
    const ssn = new Map([...fields].filter(([name]) => name === 'ssn'));
    assert.deepEqual(await decryptFor(world, { fields: ssn, edek, ...STORED }), { ssn: FIELDS.ssn });
    assert.deepEqual(await decryptFor(world, { edek, ...STORED }), {});
    await refused(decryptFor(world, { edek }), 'CIPHERTEXT_REJECTED');
  });

  it('asks no KMS for a document that this daemon wrote within ttl, and makes no signal', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS });
    const scope = new FakeCallScope();
    assert.deepEqual(await world.callsOf(() => decryptFor(world, { fields, edek, scope })), {});
    assert.equal(scope.signalsMade, 0);
  });

  const wrong: { name: string; asking: (sealed: ReadonlyMap<string, Uint8Array>) => Partial<Asking> }[] = [
    { name: 'another tenant', asking: () => ({ tenant: 'globex' }) },
    { name: 'another label', asking: () => ({ label: 'public' }) },
    { name: 'another value of the context', asking: () => ({ context: { row: '8' } }) },
    { name: 'another key of the context', asking: () => ({ context: { column: '7' } }) },
    { name: 'no context', asking: () => ({ context: {} }) },
    { name: 'one pair more in the context', asking: () => ({ context: { row: '7', more: '' } }) },
    {
      name: 'two fields exchanged',
      asking: (sealed) => ({
        fields: new Map([
          ['ssn', sealed.get('name')],
          ['name', sealed.get('ssn')],
        ]) as Map<string, Uint8Array>,
      }),
    },
    { name: 'a field under another name', asking: (sealed) => ({ fields: new Map([['SSN', bytes(sealed, 'ssn')]]) }) },
    { name: 'a field cut short', asking: (sealed) => ({ fields: new Map([['ssn', bytes(sealed, 'ssn').subarray(0, -1)]]) }) },
    { name: 'a field of no bytes', asking: () => ({ fields: new Map([['ssn', new Uint8Array()]]) }) },
    { name: 'a field of version 0', asking: (sealed) => ({ fields: new Map([['ssn', flipped(bytes(sealed, 'ssn'), 0)]]) }) },
    {
      name: 'one bad field beside a good one',
      asking: (sealed) => ({ fields: new Map([...sealed, ['name', flipped(bytes(sealed, 'name'), 20)]]) }),
    },
  ];
  for (const temperature of ['cold', 'warm'] as const) {
    for (const { name, asking } of wrong) {
      it(`gives nothing but the one message for ${name}, with a ${temperature} cache`, async () => {
        const world = new World();
        const { fields, edek } = await encryptFor(world, { fields: FIELDS, ...STORED });
        if (temperature === 'cold') world.ring.dropTenant(world.tenant().id);
        const { message, details } = await refused(
          decryptFor(world, { fields, edek, ...STORED, ...asking(fields) }),
          'CIPHERTEXT_REJECTED',
        );
        assert.deepEqual([message, details], [ONE_MESSAGE, {}]);
      });
    }
  }

  it('refuses a field of another document, though both are under one data key', async () => {
    const world = new World();
    const [first, second] = [await encryptFor(world, { fields: FIELDS }), await encryptFor(world, { fields: FIELDS })];
    assert.equal(world.callCount('generate'), 1);
    await refused(decryptFor(world, { fields: first.fields, edek: second.edek }), 'CIPHERTEXT_REJECTED');
  });

  it('refuses any bit flipped in the EDEK, asks no key that is not configured, and never yields other plaintext', async () => {
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS });
    for (let bit = 0; bit < edek.length * 8; bit += 3) {
      const altered = Buffer.from(edek);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = await decryptFor(world, { fields, edek: altered }).catch((error: { reason?: string }) => error.reason);
      assert.ok(outcome === 'CIPHERTEXT_REJECTED' || outcome === 'EDEK_MALFORMED', `bit ${bit}: ${JSON.stringify(outcome)}`);
    }
    assert.ok(world.kms.calls.every(({ key }) => key === 'acme-main' || key === 'acme-old'));
  });

  const malformed: { name: string; edek: (edek: Uint8Array) => Uint8Array }[] = [
    { name: 'no bytes', edek: () => new Uint8Array() },
    { name: 'one byte less', edek: (edek) => edek.subarray(0, -1) },
    { name: 'one byte more', edek: (edek) => Buffer.concat([edek, Buffer.of(0)]) },
    { name: "an object's header", edek: (edek) => flipped(edek, 1, 'D'.charCodeAt(0) ^ 'O'.charCodeAt(0)) },
  ];
  for (const { name, edek: alter } of malformed) {
    it(`takes ${name} for malformed`, async () => {
      const world = new World();
      const { fields, edek } = await encryptFor(world, { fields: FIELDS });
      await refused(decryptFor(world, { fields, edek: alter(edek) }), 'EDEK_MALFORMED');
    });
  }

  it('zeroes what it had opened where a later field does not verify, or the caller leaves in between', async () => {
    const world = new World();
    const opened: Uint8Array[] = [];
    const cipher = nodeCipher();
    const watched = {
      ...cipher,
      open: (...args: Parameters<typeof cipher.open>) => {
        opened.push(args[2]);
        return cipher.open(...args);
      },
    };
    const { tenants, ring, keys, clock } = world;
    const parts = { tenants, ring, keys, clock, cipher: watched };
    const plain = new Map(Array.from({ length: 300 }, (_, at) => [String(at), Buffer.from('secret')]));
    const { fields, edek } = await encryptFor(world, { fields: plain });
    const last = new Map([...fields, ['299', flipped(bytes(fields, '299'), 20)]]);
    await refused(async () => decrypt(parts, requestOf({ fields: last, edek }), new FakeCallScope()), 'CIPHERTEXT_REJECTED');
    assert.equal(opened.length, 300);
    assert.ok(opened.every((each) => each.every((byte) => byte === 0)));
    opened.length = 0;
    const scope = new FakeCallScope();
    const decrypting = Promise.resolve(decrypt(parts, requestOf({ fields, edek }), scope));
    scope.cancel();
    await refused(decrypting, 'CANCELLED');
    assert.ok(opened.length > 0 && opened.length < 300);
    assert.ok(opened.every((each) => each.every((byte) => byte === 0)));
  });

  it('leaves no secret behind, whether it opens or not', async (t) => {
    const secrets = new SecretWatch(t);
    const world = new World();
    const { fields, edek } = await encryptFor(world, { fields: FIELDS });
    world.ring.dropTenant(world.tenant().id);
    await decryptFor(world, { fields, edek });
    await refused(decryptFor(world, { fields, edek, context: { row: '8' } }), 'CIPHERTEXT_REJECTED');
    world.ring.close();
    secrets.assertAllWiped();
  });
});

function bytes(sealed: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  return sealed.get(name) ?? assert.fail(`there is a field ${name}`);
}

function flipped(source: Uint8Array, at: number, bits = 1): Uint8Array {
  const altered = new Uint8Array(source);
  altered[at] = (altered[at] as number) ^ bits;
  return altered;
}
