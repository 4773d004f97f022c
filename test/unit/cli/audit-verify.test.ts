import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { SigningKey } from '../../../src/audit/signing-key.ts';
import { ndjson, sampleTrail, type Trail, withFiles } from '../../fakes/audit-trail.ts';
import { run } from './fake-terminal.ts';

describe('keyside audit verify', () => {
  let trail: Trail;

  before(async () => {
    trail = await sampleTrail();
  });

  it('says that everything is verified, up to which checkpoint, and what is not', async () => {
    await withFiles([ndjson(trail.records), trail.key.public.pem], async ([file = '', key = '']) => {
      const { exitCode, stdout, stderr } = await run(['audit', 'verify', '--trust', key, file]);
      assert.deepEqual([exitCode, stderr], [0, '']);
      assert.equal(
        stdout.replaceAll(key, 'KEY'),
        `verified: every checkpoint is signed by a key of KEY; 2 records after the last checkpoints unproven
15 records and 9 checkpoints in 1 file
signed by key ${trail.key.public.id} (trusted): 3 checkpoints

the daemon itself: 1 record, 0 unproven
  start start-1, records 1 to 4: proven up to 3 by checkpoint 3 of 2026-11-24T10:00:22.000Z, 0 after it
tenant "acme": 8 records, 1 unproven
  start start-1, records 1 to 11: proven up to 9 by checkpoint 3 of 2026-11-24T10:00:22.000Z, 1 after it
tenant "globex": 6 records, 1 unproven
  start start-1, records 1 to 9: proven up to 7 by checkpoint 3 of 2026-11-24T10:00:22.000Z, 1 after it
`,
      );
    });
  });

  it('says that the signer is unproven where no keys are given', async () => {
    await withFiles([ndjson(trail.of('acme'))], async (files) => {
      const { exitCode, stdout } = await run(['audit', 'verify', ...files]);
      assert.equal(exitCode, 0);
      assert.match(stdout, /^consistent, signer unproven: give --trust/);
      assert.match(stdout, /signed by key [0-9a-f]{16} \(not pinned\): 3 checkpoints/);
    });
  });

  it('names the first fault and ends in 1', async () => {
    await withFiles([ndjson(trail.records.filter((_, at) => at !== 3))], async ([file = '']) => {
      const { exitCode, stdout, stderr } = await run(['audit', 'verify', file]);
      assert.deepEqual([exitCode, stderr], [1, '']);
      assert.match(stdout, /^fault: these are not the records as they were written, or not all of them\n/);
      assert.ok(stdout.includes(`  ${file} line 4 follows a gap: record 2 is not in these files, or out of order\n`), stdout);
      assert.match(stdout, /^ {2}chain of tenant "acme", start start-1, record 3$/m);
    });
  });

  it('takes files that begin late only where it is told so', async () => {
    await withFiles([ndjson(trail.of('acme').slice(5))], async ([file = '']) => {
      const late = await run(['audit', 'verify', file]);
      assert.equal(late.exitCode, 1);
      assert.match(late.stdout, /line 1 begins the chain: records 1 to 5 are not in these files/);
      const told = await run(['audit', 'verify', '--partial', file]);
      assert.equal(told.exitCode, 0);
      assert.match(told.stdout, /records 6 to 11: proven up to 9 by checkpoint 3/);
    });
  });

  it('gives the whole finding as JSON', async () => {
    await withFiles([ndjson(trail.records)], async ([file = '']) => {
      const { stdout } = await run(['audit', 'verify', '--json', file]);
      const { verdict, faults, records, unproven, tenants } = JSON.parse(stdout);
      assert.deepEqual([verdict, faults, records, unproven], ['consistent', 0, 15, 2]);
      assert.deepEqual(
        tenants.map(({ tenantId }: { tenantId: string }) => tenantId),
        ['', 'acme', 'globex'],
      );
    });
  });

  const wrong: readonly { readonly name: string; readonly trust: string; readonly want: RegExp }[] = [
    { name: 'no key', trust: 'nothing', want: /there is no PEM public key in it/ },
    {
      name: 'a key of another kind',
      trust: '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n',
      want: /error: --trust/,
    },
  ];
  for (const { name, trust, want } of wrong) {
    it(`ends in 2 where the file of keys holds ${name}`, async () => {
      await withFiles([ndjson(trail.records), trust], async ([file = '', key = '']) => {
        const { exitCode, stdout, stderr } = await run(['audit', 'verify', '--trust', key, file]);
        assert.deepEqual([exitCode, stdout], [2, '']);
        assert.match(stderr, want);
      });
    });
  }

  it('ends in 1 where somebody else signed', async () => {
    await withFiles([ndjson(trail.records), SigningKey.generate().public.pem], async ([file = '', key = '']) => {
      const { exitCode, stdout } = await run(['audit', 'verify', '--trust', key, file]);
      assert.equal(exitCode, 1);
      assert.match(stdout, /is a checkpoint signed by key [0-9a-f]{16}, which is not trusted/);
    });
  });

  it('ends in 2 without files, and for a file that is not there', async () => {
    assert.equal((await run(['audit', 'verify'])).exitCode, 2);
    const { exitCode, stderr } = await run(['audit', 'verify', '/nowhere/at-all.ndjson']);
    assert.equal(exitCode, 2);
    assert.match(stderr, /\/nowhere\/at-all\.ndjson/);
  });
});
