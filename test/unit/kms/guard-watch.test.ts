import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { NO_SPAN } from '../../../src/telemetry/telemetry.ts';
import { sample } from '../../contract/kms-calls.ts';
import { refused } from '../../fakes/refused.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';
import { CONTEXT, generate, HANGS, setup, THROTTLED } from './guard-setup.ts';

type Setup = ReturnType<typeof setup>;

/** What the watch of `s` was told, in short. */
const told = ({ watch }: Setup) =>
  watch.events.map(({ operation, keyVersion, outcome }) => `${operation} ${keyVersion === '' ? '-' : keyVersion} ${outcome}`);

async function wrap({ guard, scope }: Setup) {
  using dataKey = sample();
  return await guard.wrap({ dataKey, context: CONTEXT }, scope);
}

const unwrap = async (s: Setup, wrapped: Awaited<ReturnType<typeof wrap>>) =>
  (await s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope)).wipe();

describe('the watch over a key', () => {
  it('is told of every use with the version that wrapped or unwraps, and not of a question about its state', async () => {
    const s = setup();
    const wrapped = await wrap(s);
    s.kms.rotate('main');
    const generated = await generate(s);
    generated.dataKey.wipe();
    await unwrap(s, wrapped);
    await s.guard.describe(s.scope);
    assert.deepEqual(told(s), ['wrap 1 OK', 'generate 2 OK', 'unwrap 1 OK']);
    assert.equal(s.watch.asked, 3);
  });

  it('is told whose key it was, how long it took, and on behalf of which trace', async () => {
    const s = setup();
    const span = { ...NO_SPAN, child: () => NO_SPAN, traceId: '0af7651916cd43dd8448eb211c80319c' };
    const { dataKey } = await s.guard.generate(CONTEXT, { ...s.scope, span });
    dataKey.wipe();
    assert.deepEqual(s.watch.events, [
      {
        tenantId: CONTEXT.tenantId,
        configurationId: CONTEXT.configurationId,
        keyVersion: '1',
        provider: 'aws',
        operation: 'generate',
        isRefresh: false,
        outcome: 'OK',
        durationMs: 0,
        traceId: span.traceId,
      },
    ]);
  });

  it('is told whether the use was made ahead of need', async () => {
    const s = setup();
    for (const isRefresh of [true, false]) (await s.guard.generate(CONTEXT, { ...s.scope, isRefresh })).dataKey.wipe();
    assert.deepEqual(
      s.watch.events.map(({ isRefresh }) => isRefresh),
      [true, false],
    );
  });

  it('is asked and told once for an operation, whatever attempts and pauses it took', async () => {
    const s = setup();
    s.kms.script(THROTTLED, THROTTLED);
    const generating = generate(s);
    await s.timer.advance(50);
    await s.timer.advance(100);
    (await generating).dataKey.wipe();
    assert.equal(s.kms.calls.length, 3);
    assert.deepEqual([s.watch.asked, s.watch.events.map(({ outcome, durationMs }) => [outcome, durationMs])], [1, [['OK', 150]]]);
  });

  it('is told the reason where an operation failed, and the version as far as it is known', async () => {
    const s = setup({ maxAttempts: 1 });
    const wrapped = await wrap(s);
    s.kms.disable('main');
    await refused(generate(s), 'KEY_REVOKED');
    await refused(unwrap(s, wrapped), 'KEY_REVOKED');
    s.kms.script({ kind: 'throws', error: new TypeError('not as agreed') }, HANGS);
    await refused(wrap(s), 'INTERNAL');
    const hanging = wrap(s);
    await s.kms.reached(5);
    s.caller.abort();
    await refused(hanging, 'CANCELLED');
    assert.deepEqual(told(s), [
      'wrap 1 OK',
      'generate - KEY_REVOKED',
      'unwrap 1 KEY_REVOKED',
      'wrap - INTERNAL',
      'wrap - CANCELLED',
    ]);
  });

  it('is neither asked nor told where the configuration does not accept the wrap, or was replaced', async () => {
    const s = setup();
    const wrapped = { algorithm: 1, keyVersion: 'another', ciphertext: new Uint8Array(60) } as const;
    await refused(unwrap(s, wrapped), 'CIPHERTEXT_REJECTED');
    s.guard.retire();
    await refused(generate(s), 'KMS_UNAVAILABLE');
    assert.deepEqual([s.watch.asked, s.watch.events, s.kms.calls], [0, [], []]);
  });
});

describe('a watch that cannot keep a record', () => {
  for (const generates of [true, false]) {
    it(`lets nothing be asked: ${generates ? 'no data key is made by the KMS' : 'one made here is wiped'}`, async (t) => {
      const secrets = new SecretWatch(t);
      const s = setup({}, generates);
      s.watch.forbids = true;
      await refused(generate(s), 'AUDIT_UNAVAILABLE');
      assert.deepEqual([s.kms.calls, s.watch.events], [[], []]);
      assert.equal(secrets.alive, 0);
      assert.equal(s.timer.pending, 0);
    });

    it(`discards the reply and wipes the data key that ${generates ? 'came with it' : 'was made here'}`, async (t) => {
      const secrets = new SecretWatch(t);
      const s = setup({}, generates);
      s.watch.failsToNote = true;
      await refused(generate(s), 'AUDIT_UNAVAILABLE');
      assert.equal(s.kms.calls.length, 1);
      secrets.assertAllWiped();
    });
  }

  it('discards what was unwrapped', async () => {
    const s = setup();
    const wrapped = await wrap(s);
    s.watch.failsToNote = true;
    await refused(unwrap(s, wrapped), 'AUDIT_UNAVAILABLE');
    assert.deepEqual(
      s.kms.givenOut.map(({ isWiped }) => isWiped),
      [true],
    );
  });

  it('leaves a failure what the KMS said it was', async () => {
    const s = setup({ maxAttempts: 1 });
    s.watch.failsToNote = true;
    s.kms.disable('main');
    await refused(generate(s), 'KEY_REVOKED');
  });

  it('is no hint that the KMS is unreachable: the breaker stays closed', async () => {
    const s = setup({ maxAttempts: 1, failuresToOpen: 1 });
    s.watch.forbids = true;
    for (let at = 0; at < 3; at++) await refused(generate(s), 'AUDIT_UNAVAILABLE');
    s.watch.forbids = false;
    (await generate(s)).dataKey.wipe();
  });

  it('shows a fault of its own as such', async () => {
    const s = setup({ maxAttempts: 1 });
    const fault = new TypeError('the watch is broken');
    s.watch.ended = () => {
      throw fault;
    };
    await assert.rejects(wrap(s), fault);
    s.kms.script({ kind: 'denied' });
    await assert.rejects(wrap(s), (error) => error === fault && !(error instanceof KeysideError));
  });
});
