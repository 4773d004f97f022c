import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { run } from '../unit/cli/fake-terminal.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';

it('what init writes is enough for the doctor, a daemon and a document', async (t) => {
  const folder = join(temporaryDirectory(t), 'keyside');
  const config = join(folder, 'keyside.yaml');
  assert.equal((await run(['init', folder])).exitCode, 0);
  // Other daemons may have the usual ports while tests run.
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(/127\.0\.0\.1:746[01]/g, '127.0.0.1:0'));

  const doctor = await run(['doctor', '--config', config]);
  assert.equal(doctor.exitCode, 0, doctor.stdout);
  assert.match(doctor.stdout, /^ok {4}key example-1 of example: local, primary, wraps in /m);
  assert.match(doctor.stdout, /: nothing fails\n$/);

  const daemon = await startDaemon(['--config', config]);
  t.after(() => daemon.stop());
  const call = (verb: string, input: string, ...args: readonly string[]) =>
    run([verb, '--address', daemon.tcp, '--tenant', 'example', ...args], { input });
  const asApp = ['--token-file', join(folder, 'secrets/app-token')];

  const encrypted = await call('encrypt', '{"ssn":"123-45-6789"}', ...asApp);
  assert.deepEqual([encrypted.exitCode, encrypted.stderr], [0, '']);
  const decrypted = await call('decrypt', encrypted.stdout, ...asApp);
  assert.equal(decrypted.stdout, '{"ssn":"123-45-6789"}\n');
  const stranger = await call('decrypt', encrypted.stdout);
  assert.match(stranger.stderr, /^CALLER_UNAUTHENTICATED: /);
  assert.equal(await daemon.stop(), 0);
});
