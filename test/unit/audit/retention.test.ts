import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retention, SpoolFullError } from '../../../src/audit/retention.ts';
import { segmentPath } from '../../../src/audit/segments.ts';
import { Spool } from '../../../src/audit/spool.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { recordNumber, SPOOL, spoolOptions } from '../../fakes/spools.ts';

const LINE = JSON.stringify({ filler: 'x'.repeat(1_500) });

/** Three segments and more, of 4 KiB each. */
async function filled(): Promise<ForgetfulFiles> {
  const files = new ForgetfulFiles({ random: () => 0 });
  const spool = await Spool.open(spoolOptions(files));
  for (let sequence = 1; sequence <= 8; sequence += 1) {
    spool.append(recordNumber(sequence), LINE);
    await spool.settled();
  }
  await spool.close();
  return files;
}

test('a segment that somebody else removed makes room as well', async () => {
  const files = await filled();
  const retention = await Retention.read({ files, directory: SPOOL, maxBytes: 12_000 });
  const before = retention.bytes;
  await files.remove(segmentPath(SPOOL, 1));
  await retention.makeRoom(12_000 - before + 1, Number.MAX_SAFE_INTEGER);
  assert.ok(retention.bytes < before);
});

test('making room and looking after what is too old at the same time delete each segment once, and never the last', async () => {
  const files = await filled();
  const retention = await Retention.read({ files, directory: SPOOL, maxBytes: 12_000 });
  const needed = Number.MAX_SAFE_INTEGER;
  await Promise.all([retention.makeRoom(1, needed), retention.expire(needed, 1), retention.expire(needed, 1)]);
  const left = await files.list(SPOOL);
  assert.equal(left.length, 1);
  assert.equal(retention.bytes, left[0]?.bytes);
  assert.deepEqual(retention.end, { segment: 4, offset: left[0]?.bytes });
});

test('a segment that is needed stays, and the spool is full', async () => {
  const files = await filled();
  const retention = await Retention.read({ files, directory: SPOOL, maxBytes: 12_000 });
  await assert.rejects(retention.makeRoom(12_000, 1), SpoolFullError);
  assert.deepEqual((await files.list(SPOOL))[0]?.name, '000000000001.seg');
});

test('attempts that could not even write a header leave no files behind', async () => {
  const files = new ForgetfulFiles({ random: () => 0 });
  const spool = await Spool.open(spoolOptions(files));
  files.fail({ operation: 'write', code: 'ENOSPC' });
  spool.append(recordNumber(1), LINE);
  await assert.rejects(spool.settled() ?? Promise.resolve(), { reason: 'AUDIT_UNAVAILABLE' });
  assert.deepEqual(await files.list(SPOOL), []);
  files.fail(undefined);
  await spool.close();
  assert.deepEqual(
    (await files.list(SPOOL)).map(({ name }) => name),
    ['000000000001.seg'],
  );
});
