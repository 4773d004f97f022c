import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { rejects } from '../../contract/kms-calls.ts';
import type { FakeFault } from '../../fakes/fake-kms.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { CONTEXT, generate, setup, THROTTLED } from './guard-setup.ts';

describe('the guard believes no reply', () => {
  const faults: readonly {
    readonly name: string;
    readonly fault: FakeFault;
    readonly reason: 'KMS_UNAVAILABLE' | 'KEY_MISCONFIGURED';
  }[] = [
    { name: 'an empty wrap', fault: { kind: 'wrap-size', bytes: 0 }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a wrap beyond 8 KiB', fault: { kind: 'wrap-size', bytes: 8_193 }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a key version that reading would refuse', fault: { kind: 'foreign-version' }, reason: 'KEY_MISCONFIGURED' },
    { name: 'a data key of 31 bytes', fault: { kind: 'garbage', bytes: 31 }, reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, fault, reason } of faults) {
    it(`with ${name}, and wipes the data key that came with it`, async () => {
      const s = setup({ maxAttempts: 1 });
      s.kms.script(fault);
      await rejects(generate(s), reason);
      assert.deepEqual(
        s.kms.givenOut.map(({ isWiped }) => isWiped),
        [true],
      );
    });
  }

  it('with 31 bytes unwrapped: CIPHERTEXT_REJECTED, asked once, wiped', async () => {
    const s = setup();
    const { wrapped, dataKey } = await generate(s);
    dataKey.wipe();
    s.kms.script({ kind: 'garbage', bytes: 31 });
    await rejects(s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope), 'CIPHERTEXT_REJECTED');
    assert.equal(s.kms.calls.length, 2);
    assert.ok(s.kms.givenOut.every(({ isWiped }) => isWiped));
  });
});

describe('a key whose KMS makes no data keys', () => {
  it('gets one of the guard, wrapped', async () => {
    const s = setup({}, false);
    const { wrapped, dataKey } = await generate(s);
    using again = await s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope);
    assert.ok(again.equals(dataKey));
    assert.deepEqual(
      s.kms.calls.map(({ operation }) => operation),
      ['wrap', 'unwrap'],
    );
    dataKey.wipe();
  });

  it('leaves no data key behind where wrapping fails', async () => {
    const s = setup({}, false);
    s.kms.script({ kind: 'denied' });
    await rejects(generate(s), 'KEY_ACCESS_DENIED');
  });
});

describe('what the guard tells of', () => {
  it('is one span and one measure for every attempt', async () => {
    const s = setup();
    const { wrapped, dataKey } = await generate(s);
    dataKey.wipe();
    s.heard.splice(0);
    s.kms.script(THROTTLED);
    const unwrapped = s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope);
    await s.timer.advance(50);
    (await unwrapped).wipe();
    const attributes = (attempt: number) =>
      JSON.stringify({
        'keyside.provider': 'aws',
        'keyside.key.id': 'acme-main',
        'keyside.kms.operation': 'unwrap',
        'keyside.kms.attempt': attempt,
        'keyside.tenant.id': 'acme',
        'keyside.key.version': '1',
      });
    assert.deepEqual(s.heard, [
      `span keyside.kms.call ${attributes(1)} KMS_THROTTLED`,
      'unwrap KMS_THROTTLED 0 ms for acme',
      'retry aws KMS_THROTTLED',
      `span keyside.kms.call ${attributes(2)} OK`,
      'unwrap OK 0 ms for acme',
    ]);
  });
});

describe('a guard that is retired', () => {
  it('lets calls end, takes no new ones, and closes the key after the last', async () => {
    const s = setup();
    s.kms.script({ kind: 'deaf' });
    const running = generate(s);
    await settled();
    s.guard.retire();
    await rejects(s.guard.describe(s.scope), 'KMS_UNAVAILABLE');
    s.kms.answerLate();
    (await running).dataKey.wipe();
    using dataKey = SecretBytes.own(new Uint8Array(32));
    await rejects(s.guard.wrap({ dataKey, context: CONTEXT }, s.scope), 'KMS_UNAVAILABLE');
  });
});
