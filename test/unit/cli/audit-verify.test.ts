import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { SigningKey } from '../../../src/audit/signing-key.ts';
import { byTenant, unsigned } from '../../fakes/audit-tampering.ts';
import { BEGIN_MS, ndjson, sampleTrail, Trail, withFiles } from '../../fakes/audit-trail.ts';
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
no chain was left out up to the last checkpoints: each has all the chains that it is over

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

  it('says which chains have no trusted checkpoint and ends in 1, unless that is allowed', async () => {
    const young = new Trail({ key: trail.key });
    young.record({ kind: 'lifecycle', action: 'start', facts: {} });
    await young.checkpoint();
    young.encrypt('acme');
    await withFiles([ndjson(young.records), trail.key.public.pem], async ([file = '', key = '']) => {
      const plain = await run(['audit', 'verify', '--trust', key, file]);
      assert.deepEqual([plain.exitCode, plain.stderr], [1, '']);
      assert.match(
        plain.stdout,
        /^not verified: 1 chain has no trusted checkpoint; 1 record after the last checkpoints unproven\n/,
      );
      assert.match(plain.stdout, /^unproven: tenant "acme", start start-1, record 1 without any checkpoint$/m);
      assert.match(
        plain.stdout,
        /at most audit\.checkpointInterval \(60 s\) after its first record: verify again, or give --allow-un/,
      );
      const allowed = await run(['audit', 'verify', '--allow-unproven', '--trust', key, file]);
      assert.deepEqual([allowed.exitCode, allowed.stderr], [0, '']);
      assert.match(allowed.stdout, /^unproven in part, as --allow-unproven allows: 1 chain has no trusted checkpoint; 1 record/);
      assert.match(allowed.stdout, /^unproven: tenant "acme", start start-1, record 1 without any checkpoint$/m);
    });
  });

  it('allows no chain of a start that ended to be unproven', async () => {
    const later = await sampleTrail({ start: 'start-2', key: trail.key, beginMs: BEGIN_MS + 3_600_000 });
    const records = [...unsigned(trail.of('acme')), ...later.of('acme')];
    await withFiles([ndjson(records), trail.key.public.pem], async ([file = '', key = '']) => {
      const { exitCode, stdout } = await run(['audit', 'verify', '--allow-unproven', '--trust', key, file]);
      assert.equal(exitCode, 1);
      assert.match(stdout, /^not verified: 1 chain has no trusted checkpoint; 9 records/);
      assert.match(
        stdout,
        /^unproven: tenant "acme", start start-1, records 1 to 8 without any checkpoint, although a later start of sidecar sidecar-1 is here: cut off or made anew$/m,
      );
      assert.doesNotMatch(stdout, /verify again/);
    });
  });

  it('says that an end was cut off, and lists no more chains than can be read', async () => {
    const [former, later] = [
      new Trail({ key: trail.key }),
      await sampleTrail({ start: 'start-2', key: trail.key, beginMs: BEGIN_MS + 3_600_000 }),
    ];
    const tenants = Array.from({ length: 25 }, (_, at) => `tenant-${at}`);
    former.encrypt(...tenants);
    await former.checkpoint();
    former.encrypt(...tenants);
    await withFiles([ndjson([...former.records, ...later.records]), trail.key.public.pem], async ([file = '', key = '']) => {
      const { exitCode, stdout } = await run(['audit', 'verify', '--trust', key, file]);
      assert.equal(exitCode, 1);
      assert.match(stdout, /^not verified: 25 chains of ended starts go on after the last one; 27 records/);
      assert.equal(stdout.match(/^unproven: tenant .* after its last checkpoint, although a later start/gm)?.length, 20);
      assert.match(stdout, /^5 more chains like these$/m);
    });
  });

  it('says what was left out of files by tenant, and where that cannot be seen', async () => {
    const contents = byTenant(trail.records).map(ndjson);
    await withFiles([trail.key.public.pem, ...contents], async ([key = '', own = '', acme = '', globex = '']) => {
      const all = await run(['audit', 'verify', '--trust', key, own, acme, globex]);
      assert.equal(all.exitCode, 0);
      assert.match(all.stdout, /^no chain was left out up to the last checkpoints: each has all the chains that it is over$/m);
      const lacking = await run(['audit', 'verify', '--trust', key, own, acme]);
      assert.equal(lacking.exitCode, 1);
      assert.match(lacking.stdout, /^ {2}the input lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here/m);
      for (const args of [['--partial', own, acme], [acme, globex], [acme]]) {
        const some = await run(['audit', 'verify', '--trust', key, ...args]);
        assert.equal(some.exitCode, 0, some.stdout);
        assert.match(
          some.stdout,
          /^not seen: whether chains were left out, since that takes the daemon's own records and those of/m,
        );
      }
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
