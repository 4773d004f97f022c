import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { Chains } from '../../../src/audit/chain.ts';
import { writeCheckpoint } from '../../../src/audit/checkpoint.ts';
import { readPublicKeys } from '../../../src/audit/signing-key.ts';
import { verifyFiles } from '../../../src/audit/verify.ts';
import type { VerifyReport } from '../../../src/audit/verify-report.ts';
import { ndjson, sampleTrail, Trail, withFiles } from '../../fakes/audit-trail.ts';

function verify(trail: Trail): Promise<VerifyReport> {
  const trusted = readPublicKeys(trail.key.public.pem);
  return withFiles([ndjson(trail.records)], (files) => verifyFiles(files, { trusted }));
}

const many = Array.from({ length: 3_000 }, (_, at) => `tenant-${at}`);

describe('a checkpoint', () => {
  it('is not made where nothing was recorded since the one before', async () => {
    const trail = new Trail();
    await trail.checkpoint();
    assert.equal(trail.records.length, 0);
    trail.encrypt('acme');
    await trail.checkpoint();
    const { length } = trail.records;
    await trail.checkpoint();
    assert.deepEqual([length, trail.records.length], [3, 3]);
  });

  it('proves every chain up to the instant it began, while records go on and others get their turn', async () => {
    const trail = new Trail();
    trail.encrypt(...many);
    const under = { way: true };
    const done = trail.checkpoint().finally(() => {
      under.way = false;
    });
    let turns = 0;
    while (under.way) {
      trail.encrypt(many[turns % many.length] as string, `tenant-${turns * 7}`, `late-${turns}`);
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    assert.ok(turns > 3, `${turns} turns`);
    const report = await verify(trail);
    // Chains that began meanwhile have no checkpoint yet.
    assert.deepEqual(
      [report.verdict, report.records, report.unproven],
      ['unproven', 3_000 + 3 * turns, 3 * turns],
      JSON.stringify(report.fault),
    );
    await trail.checkpoint();
    const after = await verify(trail);
    assert.deepEqual([after.verdict, after.unproven], ['verified', 0], JSON.stringify(after.fault));
  });

  it('that could not be completed is made good by the next', async () => {
    const trail = new Trail();
    trail.encrypt('acme', 'globex', 'initech');
    let room = 2;
    const log = {
      assertAvailable: () => {
        if (room === 0) throw new Error('full');
      },
      append: (...given: Parameters<Trail['append']>) => {
        room -= 1;
        trail.append(...given);
      },
    };
    await assert.rejects(writeCheckpoint({ chains: trail.chains, key: trail.key, log, now: () => 1_795_514_500_000 }), /full/);
    trail.encrypt('globex');
    await trail.checkpoint();
    const report = await verify(trail);
    assert.deepEqual([report.verdict, report.unproven, report.checkpoints], ['verified', 0, 5], JSON.stringify(report.fault));
  });

  it('of a start that ended without one is made by the next start, and says so', async () => {
    const trail = await sampleTrail();
    const lastLines = ['', 'acme', 'globex'].map((tenant) => Buffer.from(trail.of(tenant).at(-1)?.line as string));
    const chains = Chains.resume(trail.chains.source, lastLines);
    const statement = await writeCheckpoint({
      chains,
      key: trail.key,
      log: trail,
      now: () => 1_795_514_500_000,
      isRecovery: true,
    });
    assert.deepEqual([statement?.recovered, statement?.checkpoint, statement?.chains], [true, 4, 3]);
    const report = await verify(trail);
    assert.deepEqual([report.verdict, report.unproven], ['verified', 0], JSON.stringify(report.fault));
  });

  it('is not needed by chains that have one as their last', async () => {
    const trail = new Trail();
    trail.encrypt('acme', 'globex');
    await trail.checkpoint();
    const lastLines = ['', 'acme', 'globex'].map((tenant) => Buffer.from(trail.of(tenant).at(-1)?.line as string));
    const chains = Chains.resume(trail.chains.source, lastLines);
    assert.equal(chains.hasMoved, false);
    assert.equal(chains.sequence, 5);
  });

  it('puts no other tenant’s name into a chain', async () => {
    const trail = await sampleTrail();
    assert.ok(!trail.of('acme').some(({ line }) => line.includes('globex')));
  });
});
