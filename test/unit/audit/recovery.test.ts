import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFrames } from '../../../src/audit/frame.ts';
import { recoverFormerStart } from '../../../src/audit/recovery.ts';
import { listSegments, segmentPath } from '../../../src/audit/segments.ts';
import { SigningKey } from '../../../src/audit/signing-key.ts';
import { sampleTrail, segment } from '../../fakes/audit-trail.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { SPOOL, spoolOptions } from '../../fakes/spools.ts';

/** A spool whose last run ended within a write: `rest` follows its last record. */
async function crashed(rest: Uint8Array): Promise<{ files: ForgetfulFiles; whole: number }> {
  const files = new ForgetfulFiles({ random: () => 0 });
  const whole = segment((await sampleTrail()).records);
  await files.append(segmentPath(SPOOL, 1), Buffer.concat([whole, rest]));
  return { files, whole: whole.length };
}

async function recover(files: ForgetfulFiles): ReturnType<typeof recoverFormerStart> {
  const { start: _start, ...options } = spoolOptions(files);
  return await recoverFormerStart({ ...options, key: SigningKey.generate(), version: '0.1.0', now: () => 1_800_000_000_000 });
}

async function stops(files: ForgetfulFiles): Promise<string[]> {
  const found: string[] = [];
  for (const { number, bytes } of await listSegments(files, SPOOL)) {
    found.push(readFrames(await files.read(segmentPath(SPOOL, number), 0, bytes), 0, () => undefined).stop);
  }
  return found;
}

test('the beginning of a frame that was not written to its end is cut off, and the records before it are signed', async () => {
  const next = segment((await sampleTrail()).records);
  for (const length of [1, 7, 8, 40]) {
    const { files, whole } = await crashed(next.subarray(0, length));
    const recovery = await recover(files);
    assert.deepEqual([recovery?.tornBytes, recovery?.checkpoint?.recovered], [length, true], `${length} bytes`);
    assert.equal((await listSegments(files, SPOOL))[0]?.bytes, whole);
    assert.deepEqual(await stops(files), ['end', 'end']);
  }
});

test('what is no beginning of a frame, as zeros that a loss of power left, is set aside for people to look at', async () => {
  const { files, whole } = await crashed(new Uint8Array(64));
  assert.equal((await recover(files))?.tornBytes, 64);
  assert.equal((await listSegments(files, SPOOL))[0]?.bytes, whole);
  assert.deepEqual(await stops(files), ['end', 'end']);
  assert.deepEqual(await files.read(`${segmentPath(SPOOL, 1)}.torn`, 0, 100), new Uint8Array(64));
});
