import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { shareOf } from '../../../src/main/process-share.ts';

const config = (text: string) => parseDaemonConfig(`tenants: t\n${text}`, '/etc/keyside.yaml');

test('the processes together ask of a key no more at once than the daemon may', () => {
  for (const processes of [1, 2, 3, 5, 7, 32]) {
    const whole = config(`sidecar: { processes: ${processes} }`);
    const { kms } = shareOf(whole);
    assert.ok(kms.maxConcurrent >= 1);
    assert.ok(kms.maxConcurrent * processes <= whole.kms.maxConcurrent);
    assert.ok(kms.maxQueued * processes <= whole.kms.maxQueued);
  }
});

test('everything else is what was configured', () => {
  const whole = config('sidecar: { processes: 4 }\nkms: { maxConcurrent: 10, maxQueued: 3 }');
  assert.deepEqual(shareOf(whole), { ...whole, kms: { ...whole.kms, maxConcurrent: 2, maxQueued: 0 } });
});
