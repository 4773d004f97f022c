import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { KeysideError } from '../../../src/core/errors.ts';
import { awsSettingsSchema } from '../../../src/kms/aws/config.ts';
import { DEFAULT_GUARD_LIMITS } from '../../../src/kms/guard.ts';
import type { KeySpec } from '../../../src/kms/guarded-key.ts';
import { createKey } from '../../../src/kms/local/store.ts';
import { KeyRegistry } from '../../../src/kms/registry.ts';
import { NO_TELEMETRY } from '../../../src/telemetry/telemetry.ts';
import { contextOf, rejects, scope } from '../../contract/kms-calls.ts';
import { FakeTimer } from '../../fakes/kms-timer.ts';
import { FakeKmsWatch } from '../../fakes/kms-watch.ts';

describe('the registry of keys', () => {
  let folder: string;
  let spec: KeySpec;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-registry-'));
    const storeFile = join(folder, 'key.json');
    await createKey(storeFile, { id: 'acme', now: new Date(0) });
    spec = { id: 'acme-main', provider: 'local', settings: { storeFile }, fingerprint: 'one' };
  });
  after(() => rm(folder, { recursive: true }));

  const watch = new FakeKmsWatch();
  const { metrics } = NO_TELEMETRY;
  const unprepared = (limits = DEFAULT_GUARD_LIMITS) =>
    new KeyRegistry({ timer: new FakeTimer(), metrics, random: () => 0, cipher: nodeCipher(), watch, limits });

  async function registry(): Promise<KeyRegistry> {
    const keys = unprepared();
    await keys.prepare(['local', 'aws', 'toaster', 'constructor']);
    return keys;
  }

  it('opens a key once, and without asking its KMS', async () => {
    const keys = await registry();
    const missing = { ...spec, settings: { storeFile: '/nonexistent/key.json' } };
    assert.equal(keys.key(missing), keys.key(missing));
    await keys.closeAll();
  });

  it('opens a key anew when its configuration changed, and closes the old one', async () => {
    const keys = await registry();
    const old = keys.key(spec);
    const { wrapped, dataKey } = await old.generate(contextOf(), scope());
    const changed = keys.key({ ...spec, fingerprint: 'two' });
    assert.notEqual(changed, old);
    using again = await changed.unwrap({ wrapped, context: contextOf() }, scope());
    assert.ok(again.equals(dataKey));
    dataKey.wipe();
    await rejects(old.describe(scope()), 'KMS_UNAVAILABLE');
    await keys.closeAll();
  });

  it('has the uses of its keys watched', async () => {
    const keys = await registry();
    const before = watch.events.length;
    const { dataKey } = await keys.key(spec).generate(contextOf(), scope());
    dataKey.wipe();
    assert.deepEqual(
      watch.events.slice(before).map(({ provider, operation, outcome }) => [provider, operation, outcome]),
      [['local', 'wrap', 'OK']],
    );
    await keys.closeAll();
  });

  it('tells of the breakers of the keys that are open; a key that was opened anew has a new one', async () => {
    const keys = unprepared({ ...DEFAULT_GUARD_LIMITS, maxAttempts: 1, failuresToOpen: 1 });
    await keys.prepare(['local']);
    assert.deepEqual(keys.breakers(), []);
    const unreadable = { ...spec, settings: { storeFile: '/a name that cannot be opened\0' } };
    await rejects(keys.key(unreadable).describe(scope()), 'KMS_UNAVAILABLE');
    const { dataKey } = await keys.key({ ...spec, id: 'globex-main' }).generate(contextOf(), scope());
    dataKey.wipe();
    const byId = () => Object.fromEntries(keys.breakers().map(({ id, provider, isOpen }) => [id, `${provider} ${isOpen}`]));
    assert.deepEqual(byId(), { 'acme-main': 'local true', 'globex-main': 'local false' });
    keys.key({ ...spec, fingerprint: 'two' });
    assert.deepEqual(byId(), { 'acme-main': 'local false', 'globex-main': 'local false' });
    await keys.closeAll();
    assert.deepEqual(keys.breakers(), []);
  });

  it('knows every provider that a configuration may name', async () => {
    const keys = await registry();
    const keyId = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const settings = awsSettingsSchema.parse({ keyId });
    const key = keys.key({ id: 'acme-aws', provider: 'aws', settings, fingerprint: 'one' });
    assert.ok(key.accepts({ algorithm: 1, keyVersion: '1234abcd-12ab-34cd-56ef-1234567890ab' }));
    await keys.closeAll();
  });

  it('loads a provider once, however often it is prepared', async () => {
    const keys = unprepared();
    assert.throws(() => keys.key(spec), /provider local was not prepared/);
    await Promise.all([keys.prepare(['local']), keys.prepare(['local', 'local'])]);
    assert.equal(keys.key(spec), keys.key(spec));
    await keys.closeAll();
  });

  it('closes all keys at once', async () => {
    const keys = await registry();
    const key = keys.key(spec);
    await keys.closeAll();
    await rejects(key.describe(scope()), 'KMS_UNAVAILABLE');
  });

  const faulty: readonly { readonly name: string; readonly change: Partial<KeySpec> }[] = [
    { name: 'a provider that does not exist', change: { provider: 'toaster' } },
    { name: 'a provider named like a part of every object', change: { provider: 'constructor' } },
    { name: 'settings that its provider can do nothing with', change: { provider: 'aws', settings: {} } },
    { name: 'an id of another form', change: { id: 'acme main' } },
  ];
  for (const { name, change } of faulty) {
    it(`refuses ${name} with KEY_MISCONFIGURED`, async () => {
      const keys = await registry();
      assert.throws(
        () => keys.key({ ...spec, ...change }),
        (error) => error instanceof KeysideError && error.reason === 'KEY_MISCONFIGURED',
      );
    });
  }
});
