import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { bufCurl, keysideProgram, type Ran, run, startDaemon, temporaryDirectory } from './daemon-process.ts';

const ENCRYPT = 'keyside.v1.CryptoService/Encrypt';
const DECRYPT = 'keyside.v1.CryptoService/Decrypt';
const SSN = Buffer.from('123-45-6789').toString('base64');

/** Calls until the answer is as wanted, within a bounded time; the last answer either way. */
async function until(call: () => Promise<Ran>, wanted: (answer: Ran) => boolean, timeoutMs: number): Promise<Ran> {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const answer = await call();
    if (wanted(answer) || Date.now() > endMs) return answer;
    await setTimeout(100);
  }
}

test('a newcomer starts the daemon, encrypts, decrypts, is refused for another tenant, revokes a key and enables it again', async (t) => {
  const stateDirectory = join(temporaryDirectory(t), 'state');
  const daemon = await startDaemon(['--state-dir', stateDirectory, '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  t.after(() => daemon.stop());

  await t.test('it says what it listens on and prints a call to copy', async () => {
    const greetBy = Date.now() + 5_000;
    while (!daemon.prints.some((line) => line.includes('Ctrl-C')) && Date.now() < greetBy) await setTimeout(20);
    const text = daemon.prints.join('\n');
    assert.match(text, new RegExp(`gRPC on ${daemon.tcp}`));
    assert.match(text, /npx buf curl .*keyside\.v1\.CryptoService\/Encrypt/);
    assert.match(text, /grpcurl -plaintext .* keyside\.v1\.CryptoService\/Encrypt/);
  });

  await t.test('its software keys are readable by their owner only', () => {
    for (const tenant of ['acme', 'globex']) {
      assert.equal(statSync(join(stateDirectory, `keys/${tenant}.json`)).mode & 0o777, 0o600);
    }
  });

  // The demo's own lifetime is some seconds; a test need not wait for them.
  const tenants = join(stateDirectory, 'tenants.yaml');
  writeFileSync(tenants, readFileSync(tenants, 'utf8').replaceAll('ttl: 5s', 'ttl: 500ms'));
  const reloaded = () => daemon.log.some((line) => line.message.includes('tenants') && line.message !== 'listening');
  const reloadBy = Date.now() + 10_000;
  while (!reloaded() && Date.now() < reloadBy) await setTimeout(50);

  const request = { tenant_id: 'acme', fields: { ssn: SSN }, metadata: { requester_id: 'demo' } };
  const encrypted = await bufCurl(daemon.tcp, ENCRYPT, request);
  assert.equal(encrypted.code, 0, encrypted.stderr);
  const { fields, edek } = JSON.parse(encrypted.stdout) as { fields: { ssn: string }; edek: string };
  const decrypt = (tenant: string) => bufCurl(daemon.tcp, DECRYPT, { tenant_id: tenant, fields, edek });

  await t.test('the answer decrypts', async () => {
    const answer = await decrypt('acme');
    assert.deepEqual(JSON.parse(answer.stdout), { fields: { ssn: SSN } });
  });

  await t.test('another tenant is rejected', async () => {
    const answer = await decrypt('globex');
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /invalid_argument/);
    assert.match(answer.stderr, /CIPHERTEXT_REJECTED: /);
  });

  await t.test('a disabled key is refused within its lifetime, and works again once enabled', async () => {
    const localKms = (verb: string) =>
      run(process.execPath, [keysideProgram, 'local-kms', verb, 'acme', '--dir', join(stateDirectory, 'keys')]);
    const disabled = await localKms('disable');
    assert.equal(disabled.code, 0, disabled.stderr);
    const refused = await until(
      () => decrypt('acme'),
      (answer) => answer.code !== 0,
      10_000,
    );
    assert.match(refused.stderr, /failed_precondition/);
    assert.match(refused.stderr, /KEY_REVOKED: /);
    const refusedWrite = await bufCurl(daemon.tcp, ENCRYPT, request);
    assert.match(refusedWrite.stderr, /KEY_REVOKED: /);
    assert.equal((await localKms('enable')).code, 0);
    const again = await until(
      () => decrypt('acme'),
      (answer) => answer.code === 0,
      10_000,
    );
    assert.deepEqual(JSON.parse(again.stdout), { fields: { ssn: SSN } });
  });

  await t.test('liveness and readiness answer', async () => {
    assert.equal((await fetch(`http://${daemon.http}/livez`)).status, 200);
    assert.equal((await fetch(`http://${daemon.http}/readyz`)).status, 200);
  });

  await t.test('every call left one line in the log, and none shows a plaintext', () => {
    const lines = daemon.log.filter((line) => line.message === 'request');
    assert.ok(lines.length >= 6, `${lines.length} lines`);
    assert.doesNotMatch(JSON.stringify(daemon.log), /123-45-6789|MTIzLTQ1LTY3ODk/);
  });

  await t.test('SIGTERM ends it in order', async () => {
    assert.equal(await daemon.stop(), 0);
    assert.equal(daemon.log.at(-1)?.message, 'stopped');
  });
});
