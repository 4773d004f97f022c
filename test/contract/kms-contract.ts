import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { WrapContext } from '../../src/core/encryption-context.ts';
import { KeysideError } from '../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import type { Guard } from '../../src/kms/guard.ts';
import type { Wrapped } from '../../src/kms/kms.ts';
import { FakeTimer } from '../fakes/kms-timer.ts';
import { type Behaviour, shows } from './behaviours.ts';
import { CONTEXT, contextOf, guardOf, LIMITS, rejects, sample, scope, wrapSample } from './kms-calls.ts';
import { measureRevocation } from './kms-revocation.ts';
import type { Capability, ContractSetup, ContractSubject } from './kms-subject.ts';

/** What no real KMS does when asked to: a subject brings it about with a stub or proxy, unless it says otherwise. */
const SCRIPTED: ReadonlySet<Behaviour> = new Set(['refused', 'throttled', 'unreachable', 'slow', 'garbage', 'cancelled']);

/** Every provider passes these before its own tests count. */
export function kmsContract(name: string, setup: ContractSetup): void {
  describe(`${name} keeps the contract of a KMS key:`, () => {
    wrapping(setup);
    binding(setup);
    customersWill(setup);
    distrust(setup);
    weather(setup);
    measureRevocation(name, setup);
  });
}

function wrapping(setup: ContractSetup): void {
  it('what it wraps it unwraps, and what it gives back has 32 bytes of the same', async (t) => {
    shown(t, setup, 'wrap');
    const { guard } = await opened(t, setup);
    using dataKey = sample();
    const wrapped = await guard.wrap({ dataKey, context: CONTEXT }, scope());
    using again = await guard.unwrap({ wrapped, context: CONTEXT }, scope());
    assert.ok(again.equals(dataKey));
    assert.ok(!dataKey.isWiped, "the caller's data key stays the caller's");
    assert.ok(guard.accepts(wrapped));
  });

  it('wrapping twice gives two wraps, and both unwrap', async (t) => {
    const { guard, subject } = await opened(t, setup);
    using dataKey = sample();
    const first = await guard.wrap({ dataKey, context: CONTEXT }, scope());
    const second = await guard.wrap({ dataKey, context: CONTEXT }, scope());
    if (subject.deterministic === undefined) assert.notDeepEqual(first.ciphertext, second.ciphertext);
    else t.diagnostic(`not compared: ${subject.deterministic}`);
    for (const wrapped of [first, second]) {
      using again = await guard.unwrap({ wrapped, context: CONTEXT }, scope());
      assert.ok(again.equals(dataKey));
    }
  });

  it('a generated data key comes with a wrap that unwraps to the same', async (t) => {
    const { guard } = await opened(t, setup);
    const generated = await guard.generate(CONTEXT, scope());
    using dataKey = generated.dataKey;
    using again = await guard.unwrap({ wrapped: generated.wrapped, context: CONTEXT }, scope());
    assert.ok(again.equals(dataKey));
    using other = (await guard.generate(CONTEXT, scope())).dataKey;
    assert.ok(!other.equals(dataKey));
  });

  it('64 calls at once do not disturb each other', async (t) => {
    shown(t, setup, 'parallel');
    const { guard } = await opened(t, setup);
    const tenants = Array.from({ length: 64 }, (_, number) => contextOf({ tenantId: parseTenantId(`tenant-${number}`) }));
    await Promise.all(
      tenants.map(async (context) => {
        using dataKey = sample();
        const wrapped = await guard.wrap({ dataKey, context }, scope());
        using again = await guard.unwrap({ wrapped, context }, scope());
        assert.ok(again.equals(dataKey));
      }),
    );
  });

  it('says of an enabled key that it is enabled, in words that name no secret', async (t) => {
    const { guard } = await opened(t, setup);
    const { state, detail } = await guard.describe(scope());
    assert.equal(state, 'enabled');
    assert.ok(detail.length > 0);
  });
}

function binding(setup: ContractSetup): void {
  const others: readonly { readonly name: string; readonly context: WrapContext }[] = [
    { name: 'another tenant', context: contextOf({ tenantId: parseTenantId('globex') }) },
    { name: 'another configuration id', context: contextOf({ configurationId: parseKeyConfigurationId('acme-spare') }) },
    { name: 'another share', context: contextOf({ share: 1, shareCount: 2 }) },
    { name: 'another number of shares', context: contextOf({ share: 0, shareCount: 2 }) },
  ];
  for (const { name, context } of others) {
    it(`a wrap does not open for ${name}`, async (t) => {
      shown(t, setup, 'context');
      const { guard } = await opened(t, setup);
      const wrapped = await wrapSample(guard);
      await rejects(guard.unwrap({ wrapped, context }, scope()), 'CIPHERTEXT_REJECTED');
    });
  }

  it('shares are told apart by their number', async (t) => {
    shown(t, setup, 'bound');
    const { guard } = await opened(t, setup);
    const [first, second] = [contextOf({ share: 1, shareCount: 2 }), contextOf({ share: 2, shareCount: 2 })];
    const wrapped = await wrapSample(guard, first);
    await rejects(guard.unwrap({ wrapped, context: second }, scope()), 'CIPHERTEXT_REJECTED');
    (await guard.unwrap({ wrapped, context: first }, scope())).wipe();
  });

  it('altered, shortened and lengthened wraps do not open', async (t) => {
    const { guard, subject } = await opened(t, setup);
    const { bytes, reason } = subject.unauthenticated ?? { bytes: 0 };
    if (reason !== undefined) t.diagnostic(`the first ${bytes} bytes are left as they are: ${reason}`);
    const wrapped = await wrapSample(guard);
    for (const [what, ciphertext] of alterations(wrapped.ciphertext, bytes)) {
      const forged = { ...wrapped, ciphertext };
      await rejects(guard.unwrap({ wrapped: forged, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED', what);
    }
  });

  it('the wrap of another key does not open', async (t) => {
    const { guard, subject } = await opened(t, setup);
    const { ciphertext } = await wrapSample(guardOf(subject.otherKey));
    const wrapped = { ...(await wrapSample(guard)), ciphertext };
    await rejects(guard.unwrap({ wrapped, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED');
  });
}

function customersWill(setup: ContractSetup): void {
  it('a disabled key wraps, unwraps and generates nothing, says so when asked, and works again once it is enabled', async (t) => {
    shown(t, setup, 'disabled');
    if (setup.disabling !== undefined) t.diagnostic(`instead: ${setup.disabling}`);
    const { guard, subject, can } = await opened(t, setup);
    const wrapped = await wrapSample(guard);
    await subject.disable();
    await assertRevoked(guard, wrapped);
    assert.equal((await guard.describe(scope())).state, 'disabled');
    const enable = can('enable');
    if (enable === undefined) return;
    await enable();
    (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    assert.equal((await guard.describe(scope())).state, 'enabled');
  });

  it('a key whose deletion is scheduled counts as revoked', async (t) => {
    shown(t, setup, 'deleted');
    const { guard, can } = await opened(t, setup);
    const scheduleDeletion = can('scheduleDeletion');
    if (scheduleDeletion === undefined) return;
    const wrapped = await wrapSample(guard);
    await scheduleDeletion();
    await assertRevoked(guard, wrapped);
    assert.equal((await guard.describe(scope())).state, 'pending-deletion');
  });

  it('a key that was destroyed opens and wraps nothing more', async (t) => {
    shown(t, setup, 'deleted');
    const { guard, can } = await opened(t, setup);
    const destroy = can('destroy');
    if (destroy === undefined) return;
    const wrapped = await wrapSample(guard);
    await destroy();
    for (const attempt of [() => guard.unwrap({ wrapped, context: CONTEXT }, scope()), () => wrapSample(guard)]) {
      const error = await attempt().then(
        () => assert.fail('it succeeded'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof KeysideError, String(error));
      assert.match(error.reason, /^KEY_(?:REVOKED|NOT_FOUND)$/);
    }
  });

  it('after rotation old data opens, and new data is under the new version', async (t) => {
    shown(t, setup, 'rotated');
    const { guard, can } = await opened(t, setup);
    const rotate = can('rotate');
    if (rotate === undefined) return;
    const before = await wrapSample(guard);
    await rotate();
    const after = await wrapSample(guard);
    assert.notEqual(after.keyVersion, before.keyVersion);
    for (const wrapped of [before, after]) (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    const mixed = { ...before, keyVersion: after.keyVersion };
    await rejects(guard.unwrap({ wrapped: mixed, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED');
  });

  it('a caller without permission is denied, which is no revocation', async (t) => {
    shown(t, setup, 'refused');
    const { guard, can } = await opened(t, setup);
    const refused = can('refused');
    if (refused === undefined) return;
    const wrapped = await wrapSample(guard);
    await rejects(guardOf(await refused()).unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_ACCESS_DENIED');
  });

  it('a key that does not exist is not found, whatever is asked of it', async (t) => {
    const { guard, can } = await opened(t, setup);
    const missing = can('missing');
    if (missing === undefined) return;
    const absent = guardOf(await missing());
    await wrapSample(guard);
    await rejects(wrapSample(absent), 'KEY_NOT_FOUND');
    await rejects(absent.generate(CONTEXT, scope()), 'KEY_NOT_FOUND');
    await rejects(absent.describe(scope()), 'KEY_NOT_FOUND');
  });
}

function distrust(setup: ContractSetup): void {
  it('a stored version or algorithm that the configuration does not accept is refused without asking the KMS', async (t) => {
    const { guard, subject, can } = await opened(t, setup);
    const wrapped = await wrapSample(guard);
    const versions = [subject.unacceptedVersion, '', '../x', 'https://kms.example', 'arn:aws:kms:eu-west-1:444455556666:alias/x'];
    const calls = can('calls');
    const before = calls?.();
    // A KMS without versions stores an empty one.
    for (const keyVersion of versions.filter((version) => version !== wrapped.keyVersion)) {
      const forged = { ...wrapped, keyVersion };
      assert.ok(!guard.accepts(forged), keyVersion);
      await rejects(guard.unwrap({ wrapped: forged, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED');
    }
    assert.ok(!guard.accepts({ ...wrapped, algorithm: wrapped.algorithm === 3 ? 4 : 3 }));
    assert.equal(calls?.(), before);
  });

  for (const bytes of [0, 31, 33]) {
    it(`a KMS that answers with ${bytes} bytes is not believed`, async (t) => {
      shown(t, setup, 'garbage');
      const { can } = await opened(t, setup);
      const garbage = can('garbage');
      if (garbage === undefined) return;
      const unwrapping = await garbage(bytes);
      const guard = guardOf(unwrapping.key);
      await rejects(guard.unwrap({ wrapped: unwrapping.wrapped, context: CONTEXT }, scope()), 'CIPHERTEXT_REJECTED');
      if (unwrapping.key.generate === undefined) return;
      const once = guardOf((await garbage(bytes)).key, { maxAttempts: 1 });
      await rejects(once.generate(CONTEXT, scope()), 'KMS_UNAVAILABLE');
    });
  }
}

function weather(setup: ContractSetup): void {
  it('a KMS that throttles is weather, and says so', async (t) => {
    shown(t, setup, 'throttled');
    const { guard, can } = await opened(t, setup);
    const throttled = can('throttled');
    if (throttled === undefined) return;
    const wrapped = await wrapSample(guard);
    const once = guardOf(await throttled(), { maxAttempts: 1 });
    await rejects(once.unwrap({ wrapped, context: CONTEXT }, scope()), 'KMS_THROTTLED');
  });

  it('a KMS that cannot be reached is weather, and no refusal', async (t) => {
    shown(t, setup, 'unreachable');
    const { guard, can } = await opened(t, setup);
    const unreachable = can('unreachable');
    if (unreachable === undefined) return;
    const wrapped = await wrapSample(guard);
    const away = guardOf(await unreachable());
    await rejects(wrapSample(away), 'KMS_UNAVAILABLE');
    await rejects(away.unwrap({ wrapped, context: CONTEXT }, scope()), 'KMS_UNAVAILABLE');
    await rejects(away.describe(scope()), 'KMS_UNAVAILABLE');
  });

  it('a KMS that does not answer is left at the time limit', async (t) => {
    shown(t, setup, 'slow');
    const { guard, can } = await opened(t, setup);
    const hanging = can('hanging');
    if (hanging === undefined) return;
    const wrapped = await wrapSample(guard);
    const { key, reached } = await hanging();
    const timer = new FakeTimer();
    const slow = guardOf(key, { maxAttempts: 1 }, timer);
    const outcome = rejects(slow.unwrap({ wrapped, context: CONTEXT }, scope()), 'KMS_TIMEOUT');
    await reached();
    await timer.advance(LIMITS.attemptMs);
    await outcome;
    assert.equal(timer.pending, 0);
  });

  it('a caller that goes away while the KMS is asked is let go at once', async (t) => {
    shown(t, setup, 'cancelled');
    const { guard, can } = await opened(t, setup);
    const hanging = can('hanging');
    if (hanging === undefined) return;
    const wrapped = await wrapSample(guard);
    const { key, reached } = await hanging();
    const caller = new AbortController();
    const outcome = rejects(key.unwrap({ wrapped, context: CONTEXT }, caller.signal), 'CANCELLED');
    await reached();
    caller.abort(new KeysideError('CANCELLED', 'the caller cancelled'));
    await outcome;
  });

  it('a caller that is gone already costs no call', async (t) => {
    const { guard, subject } = await opened(t, setup);
    const before = subject.calls?.();
    await rejects(guard.generate(CONTEXT, scope(AbortSignal.abort())), 'CANCELLED');
    assert.equal(subject.calls?.(), before);
  });

  it('a key that was closed answers no more', async (t) => {
    const { subject } = await opened(t, setup);
    await subject.key.close();
    await subject.key.close();
    using dataKey = sample();
    const { signal } = scope();
    await rejects(subject.key.wrap({ dataKey, context: CONTEXT }, signal), 'KMS_UNAVAILABLE');
    await rejects(subject.key.describe(signal), 'KMS_UNAVAILABLE');
  });
}

async function assertRevoked(guard: Guard, wrapped: Wrapped): Promise<void> {
  const attempts = [
    () => wrapSample(guard),
    () => guard.unwrap({ wrapped, context: CONTEXT }, scope()),
    () => guard.generate(CONTEXT, scope()),
  ];
  for (const attempt of attempts) {
    const error = await rejects(attempt(), 'KEY_REVOKED');
    // Where one configuration may accept several keys, each of them is a version.
    assert.match(String(error.details.scope), /^(key|version)$/);
  }
}

function shown(t: TestContext, { behind = 'real', how = {} }: ContractSetup, behaviour: Behaviour): void {
  const byDefault = SCRIPTED.has(behaviour) ? 'scripted' : 'real';
  shows(t, behaviour, behind === 'scripted' ? 'scripted' : (how[behaviour] ?? byDefault));
}

interface Opened {
  readonly guard: Guard;
  readonly subject: ContractSubject;
  /** The means to test something, or undefined with the reason printed. Means that are missing without a reason are a failure. */
  readonly can: <C extends Capability>(name: C) => ContractSubject[C];
}

async function opened(t: TestContext, setup: ContractSetup): Promise<Opened> {
  const subject = await setup.open();
  t.after(() => subject.close());
  const can = <C extends Capability>(name: C): ContractSubject[C] => {
    if (subject[name] !== undefined) return subject[name];
    const reason = setup.notApplicable[name];
    assert.ok(reason !== undefined, `the subject has neither ${name} nor a reason why not`);
    if (name === 'calls' || name === 'enable') t.diagnostic(`not shown: ${reason}`);
    else t.skip(`not applicable: ${reason}`);
    return subject[name];
  };
  return { guard: guardOf(subject.key), subject, can };
}

/** A bit flipped in the first byte that counts, in the middle and in the last byte; one byte short, one byte long, one byte alone. */
function* alterations(bytes: Uint8Array, first: number): Generator<readonly [string, Uint8Array]> {
  for (const at of [first, (first + bytes.length) >> 1, bytes.length - 1]) {
    yield [`bit flipped in byte ${at}`, bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))];
  }
  yield ['one byte short', bytes.slice(0, -1)];
  yield ['one byte long', Uint8Array.of(...bytes, 0)];
  yield ['one byte alone', bytes.slice(0, 1)];
}
