import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import type { ErrorReason } from '../../src/core/errors.ts';
import { DEFAULT_GUARD_LIMITS } from '../../src/kms/guard.ts';
import type { KmsKey, Wrapped } from '../../src/kms/kms.ts';
import type { LoginRequest } from '../../src/kms/pkcs11/messages.ts';
import { ModuleProcess } from '../../src/kms/pkcs11/module-process.ts';
import { ProcessTrouble } from '../../src/kms/pkcs11/process-trouble.ts';
import { systemTimer } from '../../src/kms/timer.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { PIN, ProxiedModule, prepareHsm, SOFTHSM, type TestHsm } from './pkcs11-modules.ts';
import { type OwnedKey, TokenOfficer } from './pkcs11-officer.ts';
import { commandOf, environmentOf, modulePids, residentMb, underLoad, untilNoModules } from './pkcs11-processes.ts';
import { Keyside, type Settings } from './pkcs11-subject.ts';

const HANG_MS = 300;

const hsm = await prepareHsm(SOFTHSM);
if ('missing' in hsm) {
  it('faults of HSMs', { skip: hsm.missing }, () => undefined);
} else {
  const officer = await TokenOfficer.at(hsm);
  describe('a module whose process is disturbed while it works', () => disturbances(hsm, officer));
  describe('the PIN of an HSM', () => pins(hsm, officer));
  describe('what an HSM answers', () => answers(hsm, officer));
}

/** A key of its own behind a proxy, opened. */
class Bench {
  readonly owned: OwnedKey;
  readonly proxied: ProxiedModule;
  readonly #t: TestContext;
  readonly #keyside: Keyside;

  private constructor(t: TestContext, parts: { owned: OwnedKey; proxied: ProxiedModule; keyside: Keyside }) {
    this.#t = t;
    this.owned = parts.owned;
    this.proxied = parts.proxied;
    this.#keyside = parts.keyside;
  }

  static async of(t: TestContext, at: TestHsm, officer: TokenOfficer): Promise<Bench> {
    await untilNoModules();
    const owned = officer.createSecretKey();
    t.after(() => officer.destroy(owned));
    return new Bench(t, { owned, proxied: await ProxiedModule.before(at), keyside: new Keyside(at) });
  }

  open(settings: Settings = {}): KmsKey {
    const where = { module: this.proxied.module, preset: 'softhsm', hangAfterMs: HANG_MS };
    const key = this.#keyside.open(this.owned, { ...where, ...settings });
    this.#t.after(() => key.close());
    return key;
  }
}

function disturbances(at: TestHsm, officer: TokenOfficer): void {
  const signals: readonly { readonly signal: NodeJS.Signals; readonly what: string }[] = [
    { signal: 'SIGKILL', what: 'is killed' },
    { signal: 'SIGSTOP', what: 'stands still' },
  ];
  for (const { signal, what } of signals) {
    it(`ends every call in time where it ${what}, and serves again`, async (t) => {
      const bench = await Bench.of(t, at, officer);
      const guard = guardOf(bench.open(), DEFAULT_GUARD_LIMITS);
      const wrapped = await wrapSample(guard);
      const [before] = modulePids();
      t.diagnostic(`the process takes ${residentMb(before as number).toFixed(0)} MB`);
      const load = await underLoad(async () => (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe(), {
        strands: 64,
        ms: 1_500,
        meanwhile: async () => {
          await setTimeout(400);
          for (const pid of modulePids()) process.kill(pid, signal);
        },
      });
      t.diagnostic(`${signal}: ${JSON.stringify(load)}`);
      assert.ok(load.longestMs < DEFAULT_GUARD_LIMITS.operationMs, 'no call outlasted its time');
      assert.ok(load.succeeded > 0);
      (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      assert.ok(!modulePids().includes(before as number), 'another process serves');
    });
  }

  it('makes room for another after so many calls, and ends once its last answer is given', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const source = { module: bench.proxied.module, initString: undefined };
    const process = new ModuleProcess(source, systemTimer(systemClock()), 2);
    const first = await process.link();
    process.served(first);
    assert.equal(await process.link(), first);
    const login = first.ask(loginTo(at), Buffer.from(PIN), 5_000);
    process.served(first);
    const second = await process.link();
    assert.notEqual(second, first);
    assert.ok((await login).reply.ok, 'what was under way is answered');
    await assert.rejects(first.ask(loginTo(at), Buffer.from(PIN), 5_000), ProcessTrouble);
    process.close();
    await untilNoModules();
  });

  const hangs = ['C_UnwrapKey', 'C_Login'];
  for (const call of hangs) {
    it(`that hangs in ${call} costs its callers their time and the daemon nothing`, async (t) => {
      const bench = await Bench.of(t, at, officer);
      const wrapped = await wrapSample(guardOf(bench.open()));
      await bench.proxied.script(`${call} hang`);
      for (const pid of modulePids()) process.kill(pid, 'SIGKILL');
      const guard = guardOf(bench.open(), { attemptMs: 700, operationMs: 1_500, maxAttempts: 2 });
      const load = await underLoad(async () => (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe(), {
        strands: 8,
        ms: 1_000,
        meanwhile: () => bench.proxied.reached(call),
      });
      t.diagnostic(`${call}: ${JSON.stringify(load)}`);
      assert.ok(load.longestMs < 2_000);
      await bench.proxied.script();
      const patient = guardOf(bench.open(), DEFAULT_GUARD_LIMITS);
      if (call !== 'C_UnwrapKey') for (const pid of modulePids()) process.kill(pid, 'SIGKILL');
      (await patient.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    });
  }
}

function loginTo({ tokenLabel, pinFile }: TestHsm): LoginRequest {
  return { op: 'login', token: 'main', selector: { label: tokenLabel }, access: pinFile };
}

function pins(at: TestHsm, officer: TokenOfficer): void {
  it('that is wrong is tried once, by however many calls and processes, until its file changes', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const pinFile = join(at.folder, 'wrong-pin');
    await writeFile(pinFile, '9999\n', { mode: 0o600 });
    const guard = guardOf(bench.open({ pinFile }));
    const attempts = Array.from({ length: 32 }, async () => rejects(wrapSample(guard), 'KEY_MISCONFIGURED'));
    for (const error of await Promise.all(attempts)) assert.ok(!error.message.includes('9999'));
    for (const pid of modulePids()) process.kill(pid, 'SIGKILL');
    await rejects(wrapSample(guard), 'KEY_MISCONFIGURED');
    await rejects(guardOf(bench.open({ pinFile })).describe(scope()), 'KEY_MISCONFIGURED');
    assert.equal(bench.proxied.count('C_Login'), 1);
    await writeFile(pinFile, `${PIN}\r\n`);
    await wrapSample(guard);
    assert.equal(bench.proxied.count('C_Login'), 2);
  });

  it('is not tried where a wrong one would lock the user', async (t) => {
    const bench = await Bench.of(t, at, officer);
    await bench.proxied.script('C_GetTokenInfo last-try');
    const error = await rejects(wrapSample(guardOf(bench.open())), 'KEY_MISCONFIGURED');
    assert.match(error.message, /one attempt/);
    assert.equal(bench.proxied.count('C_Login'), 0);
  });

  it('is nowhere but in its file: not in the arguments, the environment or a message', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const pinFile = join(at.folder, 'telling-pin');
    await writeFile(pinFile, 'telling-pin-7351', { mode: 0o600 });
    const error = await rejects(wrapSample(guardOf(bench.open({ pinFile }))), 'KEY_MISCONFIGURED');
    assert.ok(!JSON.stringify([error.message, error.details, String(error.cause)]).includes('7351'));
    for (const pid of modulePids()) assert.ok(!`${commandOf(pid)} ${environmentOf(pid)}`.includes('7351'));
  });

  it('of another user is used in a process of its own', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const pinFile = join(at.folder, 'second-pin');
    await writeFile(pinFile, PIN, { mode: 0o600 });
    const [first, second] = [guardOf(bench.open()), guardOf(bench.open({ pinFile }))];
    await Promise.all([wrapSample(first), wrapSample(second)]);
    assert.equal(modulePids().length, 2);
    assert.equal(bench.proxied.count('C_Login'), 2);
  });

  it("is asked for nowhere else: a file that is empty or missing is the operator's to mend", async (t) => {
    const bench = await Bench.of(t, at, officer);
    const pinFile = join(at.folder, 'empty-pin');
    await writeFile(pinFile, '\n');
    for (const file of [pinFile, `${pinFile}-missing`])
      await rejects(wrapSample(guardOf(bench.open({ pinFile: file }))), 'KEY_MISCONFIGURED');
    assert.equal(bench.proxied.count('C_Login'), 0);
  });
}

function answers(at: TestHsm, officer: TokenOfficer): void {
  const lost = ['0x32', '0xb0', '0xb3', '0xe0', '0x101'];
  for (const value of lost) {
    it(`${value} once is mended by logging in anew`, async (t) => {
      const bench = await Bench.of(t, at, officer);
      await bench.proxied.script(`C_UnwrapKey once:${value}`);
      const guard = guardOf(bench.open(), { maxAttempts: 1 });
      const wrapped = await wrapSample(guard);
      (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
      assert.equal(bench.proxied.count('C_Login'), 2);
    });
  }

  const faults: readonly { readonly script: readonly string[]; readonly says: string; readonly reason: ErrorReason }[] = [
    { script: ['C_UnwrapKey 0x101'], says: 'not logged in, again and again', reason: 'KMS_UNAVAILABLE' },
    { script: ['C_UnwrapKey 0x30'], says: 'a fault of the device', reason: 'KMS_UNAVAILABLE' },
    { script: ['C_UnwrapKey 0x5', 'C_WrapKey 0x5'], says: 'a general error of everything', reason: 'KMS_UNAVAILABLE' },
    { script: ['C_UnwrapKey once:0x5'], says: 'a general error of this wrap alone', reason: 'CIPHERTEXT_REJECTED' },
    { script: ['C_UnwrapKey 0x110'], says: 'an invalid wrap', reason: 'CIPHERTEXT_REJECTED' },
    { script: ['C_UnwrapKey 0x68'], says: 'no permission, against the attributes', reason: 'KEY_ACCESS_DENIED' },
    { script: ['C_UnwrapKey 0x70'], says: 'an unknown mechanism', reason: 'KEY_MISCONFIGURED' },
    { script: ['C_UnwrapKey 0x80000024'], says: 'a time-out of its own', reason: 'KMS_TIMEOUT' },
    { script: ['C_UnwrapKey 0x80009999'], says: 'something nobody knows', reason: 'KMS_UNAVAILABLE' },
    { script: ['C_UnwrapKey once:0x82'], says: 'a stale handle', reason: 'INTERNAL' },
  ];
  for (const { script, says, reason } of faults) {
    const isMended = reason === 'INTERNAL';
    it(`that is ${says} is ${isMended ? 'mended by looking the key up anew' : reason}`, async (t) => {
      const bench = await Bench.of(t, at, officer);
      const guard = guardOf(bench.open(), { maxAttempts: 1 });
      const wrapped: Wrapped = await wrapSample(guard);
      await bench.proxied.script(...script);
      const unwrapped = guard.unwrap({ wrapped, context: CONTEXT }, scope());
      if (isMended) (await unwrapped).wipe();
      else await rejects(unwrapped, reason);
    });
  }

  it('is KEY_MISCONFIGURED where two keys match, and one where its id is named too', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const twin = officer.createSecretKey({ label: bench.owned.label });
    t.after(() => officer.destroy(twin));
    await rejects(wrapSample(guardOf(bench.open({ key: { label: twin.label } }))), 'KEY_MISCONFIGURED');
    await wrapSample(guardOf(bench.open({ key: { id: twin.id.toUpperCase() } })));
  });

  it('is KEY_MISCONFIGURED for an RSA key that is too short to be wrapped with', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const short = officer.createRsaKey(1_024);
    t.after(() => officer.destroy(short));
    const rsa = { keyClass: 'rsa', oaepHash: 'sha1', allowSha1ForTests: true, key: { id: short.id } };
    await rejects(wrapSample(guardOf(bench.open(rsa))), 'KEY_MISCONFIGURED');
  });

  it('is KEY_NOT_FOUND for a key that was destroyed while it was in use', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const doomed = officer.createSecretKey();
    const guard = guardOf(bench.open({ key: { id: doomed.id } }));
    const wrapped = await wrapSample(guard);
    officer.destroy(doomed);
    await rejects(guard.unwrap({ wrapped, context: CONTEXT }, scope()), 'KEY_NOT_FOUND');
  });

  it('is KEY_MISCONFIGURED for a key that may unwrap and not wrap, which still unwraps', async (t) => {
    const bench = await Bench.of(t, at, officer);
    const guard = guardOf(bench.open());
    const wrapped = await wrapSample(guard);
    officer.set(bench.owned, { wrap: false });
    await rejects(wrapSample(guard), 'KEY_MISCONFIGURED');
    (await guard.unwrap({ wrapped, context: CONTEXT }, scope())).wipe();
    assert.equal((await guard.describe(scope())).state, 'enabled');
  });

  const modules: readonly { readonly module: string; readonly what: string }[] = [
    { module: '/nowhere/module.so', what: 'that does not exist' },
    { module: '/etc/hostname', what: 'that is no library' },
  ];
  for (const { module, what } of modules) {
    it(`is KEY_MISCONFIGURED of a module ${what}`, async (t) => {
      const bench = await Bench.of(t, at, officer);
      await rejects(wrapSample(guardOf(bench.open({ module }))), 'KEY_MISCONFIGURED');
    });
  }
}
