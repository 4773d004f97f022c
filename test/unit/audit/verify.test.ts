import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { before, describe, it } from 'node:test';
import { Chains } from '../../../src/audit/chain.ts';
import { writeCheckpoint } from '../../../src/audit/checkpoint.ts';
import { readPublicKeys, SigningKey, type VerificationKey } from '../../../src/audit/signing-key.ts';
import { type VerifyOptions, verifyFiles } from '../../../src/audit/verify.ts';
import type { VerifyReport } from '../../../src/audit/verify-report.ts';
import { alter, byTenant, rechained } from '../../fakes/audit-tampering.ts';
import { BEGIN_MS, gzip, type KeptRecord, ndjson, sampleTrail, segment, Trail, withFiles } from '../../fakes/audit-trail.ts';

function verify(contents: readonly (string | Uint8Array)[], options: VerifyOptions = {}): Promise<VerifyReport> {
  return withFiles(contents, (files) => verifyFiles(files, options));
}

/** Stops a checkpoint after the first record of it. */
function halt(records: number): void {
  if (records > 2) throw new Error('halted');
}

describe('verifying', () => {
  let trail: Trail;
  let trusted: readonly VerificationKey[];

  before(async () => {
    trail = await sampleTrail();
    trusted = readPublicKeys(trail.key.public.pem);
  });

  it('counts per tenant, and says up to which checkpoint each chain is proven', async () => {
    const { tenants, records, checkpoints, unproven } = await verify([ndjson(trail.records)], { trusted });
    assert.deepEqual([records, checkpoints, unproven], [15, 9, 2]);
    const [own, acme, globex] = tenants;
    assert.deepEqual([own?.tenantId, own?.records, acme?.records, globex?.records], ['', 1, 8, 6]);
    const [chain] = acme?.chains ?? [];
    assert.deepEqual(
      [chain?.first, chain?.last, chain?.proven?.sequence, chain?.proven?.checkpoint, chain?.unproven],
      [1, 11, 9, 3, 1],
    );
  });

  it('needs no keys, and then says that the signer is unproven', async () => {
    const { verdict, signers } = await verify([ndjson(trail.records)]);
    assert.deepEqual([verdict, signers], ['consistent', [{ key: trail.key.public.id, isTrusted: false, checkpoints: 3 }]]);
  });

  it('takes one of several trusted keys', async () => {
    const { verdict } = await verify([ndjson(trail.records)], { trusted: [SigningKey.generate().public, ...trusted] });
    assert.equal(verdict, 'verified');
  });

  it('takes one tenant’s records alone, and each tenant’s in a file of its own', async () => {
    const one = await verify([ndjson(trail.of('globex'))], { trusted });
    assert.deepEqual([one.verdict, one.records], ['verified', 6]);
    const each = await verify(
      ['', 'acme', 'globex'].map((tenant) => gzip(ndjson(trail.of(tenant)))),
      { trusted },
    );
    assert.deepEqual([each.verdict, each.records, each.unproven], ['verified', 15, 2], JSON.stringify(each.fault));
  });

  it('takes records that were laid out anew, and says so', async () => {
    const anew = trail.records
      .map(({ line }) => `${JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse()))}\r\n`)
      .join('\n');
    const { verdict, notCanonical } = await verify([anew], { trusted });
    assert.deepEqual([verdict, notCanonical], ['verified', 24]);
  });

  it('takes a file without an end of its last line, and empty ones', async () => {
    const { verdict, files } = await verify([ndjson(trail.records).trimEnd(), ''], { trusted });
    assert.deepEqual([verdict, files], ['verified', 2]);
  });

  it('keeps the starts of a sidecar and several sidecars apart', async () => {
    const later = await sampleTrail({ start: 'start-2', key: trail.key, beginMs: 1_795_600_800_000 });
    const [ended, other] = [await sampleTrail({ key: trail.key }), await sampleTrail({ sidecar: 'sidecar-2', start: 'start-9' })];
    for (const each of [ended, other]) await each.checkpoint();
    const mixed = ended.records.flatMap((each, at) => [each, other.records[at] as KeptRecord]);
    const keys = [...trusted, other.key.public];
    const report = await verify([segment(later.records, { start: 'start-2', segment: 2 }), ndjson(mixed)], { trusted: keys });
    assert.deepEqual([report.verdict, report.records, report.signers.length], ['verified', 45, 2], JSON.stringify(report.fault));
    assert.equal(report.tenants.find(({ tenantId }) => tenantId === 'acme')?.chains.length, 3);
  });

  it('takes files that begin late where it is told so, and proves what a checkpoint covers', async () => {
    for (let from = 1; from < 24; from += 1) {
      const { verdict, fault } = await verify([ndjson(trail.records.slice(from))], { isPartial: true });
      assert.equal(verdict, 'consistent', `from ${from}: ${JSON.stringify(fault)}`);
    }
    const { tenants } = await verify([ndjson(trail.of('acme').slice(6))], { trusted, isPartial: true });
    assert.deepEqual([tenants[0]?.chains[0]?.first, tenants[0]?.chains[0]?.proven?.sequence, tenants[0]?.unproven], [7, 9, 1]);
  });

  it('a late beginning hides no alteration of what comes after it', async () => {
    const forged = rechained(alter(trail.of('acme'), 7, (value) => Object.assign(value, { status_code: 'POLICY_DENIED' }))).slice(
      6,
    );
    const { verdict, fault } = await verify([ndjson(forged)], { isPartial: true });
    assert.equal(verdict, 'fault');
    assert.match(fault?.what ?? '', /proof does not lead|not what/);
  });

  it('two chains that were told different things of one checkpoint are a fault, though both are signed', async () => {
    const twin = new Trail({ key: trail.key });
    for (let round = 0; round < 30; round += 1) twin.record({ kind: 'lifecycle', action: 'start', facts: {} });
    twin.encrypt('initech');
    await twin.checkpoint();
    const { fault } = await verify([ndjson(trail.of('acme')), ndjson(twin.of('initech'))], { trusted });
    assert.match(fault?.what ?? '', /^is checkpoint 1 with another content than a chain before has it/);
  });

  it('goes on counting after a fault, and proves nothing of that chain any more', async () => {
    const records = trail.records.filter((_, at) => at !== 3);
    const { verdict, tenants } = await verify([ndjson(records)]);
    const [own, acme, globex] = tenants;
    assert.deepEqual([verdict, acme?.records, acme?.chains[0]?.proven], ['fault', 7, undefined]);
    assert.deepEqual([own?.chains[0]?.proven?.checkpoint, globex?.chains[0]?.proven?.checkpoint], [3, 3]);
  });

  it('says which repeated records it could not compare', async () => {
    const big = new Trail();
    big.encrypt(...Array.from({ length: 100 }, () => 'acme'));
    const options = { recentRecords: 50 };
    const late = await verify([ndjson([...big.records, big.records[1] as KeptRecord])], options);
    assert.equal(late.repeated, 1);
    assert.match(late.fault?.what ?? '', /^is record 2 again, too far back to be compared/);
    const whole = await verify([ndjson(big.records), ndjson(big.records)], options);
    assert.deepEqual([whole.verdict, whole.repeated], ['consistent', 100], 'a whole file again is compared by its end');
  });

  it('says which chains are younger than their first checkpoint, and that their start is the newest', async () => {
    const young = new Trail({ key: trail.key });
    young.record({ kind: 'lifecycle', action: 'start', facts: {} });
    young.encrypt('acme');
    const nothing = await verify([ndjson(young.records)], { trusted });
    assert.deepEqual([nothing.verdict, nothing.fault, nothing.unprovenChains.length], ['unproven', undefined, 2]);
    await young.checkpoint();
    young.encrypt('acme', 'initech');
    const { verdict, unprovenChains, unproven } = await verify([ndjson(young.records)], { trusted });
    assert.deepEqual([verdict, unproven], ['unproven', 2]);
    assert.deepEqual(unprovenChains, [
      {
        tenantId: 'initech',
        sidecar: 'sidecar-1',
        start: 'start-1',
        first: 1,
        last: 1,
        hasCheckpoint: false,
        isNewestStart: true,
      },
    ]);
    assert.equal((await verify([ndjson(young.records)])).verdict, 'consistent', 'without keys nothing more is claimed');
  });

  it('takes the newest start of each sidecar for itself', async () => {
    const later = await sampleTrail({ start: 'start-2', key: trail.key, beginMs: BEGIN_MS + 3_600_000 });
    const other = new Trail({ sidecar: 'sidecar-2', start: 'start-9', key: trail.key });
    other.encrypt('acme');
    const { verdict, unprovenChains } = await verify(
      [trail, later, other].map(({ records }) => ndjson(records)),
      { trusted },
    );
    assert.equal(verdict, 'unproven');
    assert.deepEqual(
      unprovenChains.map(({ start, tenantId, hasCheckpoint, isNewestStart }) => [start, tenantId, hasCheckpoint, isNewestStart]),
      [
        ['start-1', 'acme', true, false],
        ['start-1', 'globex', true, false],
        ['start-9', 'acme', false, true],
      ],
    );
  });

  it('takes what a later start signed of one that ended without a farewell', async () => {
    const crashed = await sampleTrail({ key: trail.key });
    const lastLines = new Map(crashed.records.map(({ record, line }) => [record.tenantId, Buffer.from(line)]));
    const chains = Chains.resume(crashed.chains.source, lastLines.values());
    await writeCheckpoint({ chains, key: trail.key, log: crashed, now: () => BEGIN_MS + 60_000, isRecovery: true });
    const later = await sampleTrail({ start: 'start-2', key: trail.key, beginMs: BEGIN_MS + 3_600_000 });
    const { verdict, compared, fault } = await verify(byTenant([...crashed.records, ...later.records]).map(ndjson), { trusted });
    assert.deepEqual([verdict, compared], ['verified', { starts: 2, of: 2 }], JSON.stringify(fault));
  });

  it('takes several processes’ records in files by tenant, and misses a tenant of one of them', async () => {
    const other = await sampleTrail({ sidecar: 'sidecar-2', start: 'start-9', key: trail.key });
    const mixed = trail.records.flatMap((each, at) => [each, other.records[at] as KeptRecord]);
    const whole = await verify(byTenant(mixed).map(ndjson), { trusted });
    assert.deepEqual([whole.verdict, whole.compared.starts], ['verified', 2], JSON.stringify(whole.fault));
    const some = mixed.filter((each) => !other.of('globex').includes(each));
    const { fault } = await verify(byTenant(some).map(ndjson), { trusted });
    assert.match(fault?.what ?? '', /^lacks chains: checkpoint 1 of start start-9 is over 3 chains, 2 are here/);
  });

  it('counts each checkpoint once however far apart its chains are read, and each chain of it', async () => {
    const long = new Trail({ key: trail.key });
    for (let round = 0; round < 300; round += 1) {
      long.encrypt('acme', ...(round % 2 === 0 ? ['globex'] : []));
      await long.checkpoint();
    }
    const whole = await verify(byTenant(long.records).map(ndjson), { trusted });
    assert.deepEqual([whole.verdict, whole.signers[0]?.checkpoints, whole.compared.starts], ['verified', 300, 1]);
    const { fault, faults } = await verify(byTenant(long.records, (tenantId) => tenantId !== 'globex').map(ndjson), { trusted });
    assert.match(fault?.what ?? '', /^lacks chains: checkpoint 1 of .* is over 3 chains, 2 are here; later ones .*: 149$/);
    assert.equal(faults, 2, 'the sidecar’s numbers have gaps too');
  });

  it('asks for no chain of a checkpoint that was not completed', async () => {
    const halted = new Trail({ key: trail.key });
    halted.encrypt('acme', 'globex');
    const log = { assertAvailable: () => halt(halted.records.length), append: halted.append.bind(halted) };
    await assert.rejects(writeCheckpoint({ chains: halted.chains, key: trail.key, log, now: () => BEGIN_MS }), /halted/);
    await halted.checkpoint();
    const { verdict, fault, compared } = await verify(byTenant(halted.records).map(ndjson), { trusted });
    assert.deepEqual([verdict, compared.starts], ['verified', 1], JSON.stringify(fault));
  });

  it('parts of files may lack chains, unless one file has tenants’ records beside the daemon’s own', async () => {
    const some = await verify([trail.of(''), trail.of('acme')].map(ndjson), { trusted, isPartial: true });
    assert.deepEqual([some.verdict, some.compared], ['verified', { starts: 0, of: 1 }], JSON.stringify(some.fault));
    const without = trail.records.filter(({ record }) => record.tenantId !== 'globex');
    for (let from = 0; from < 11; from += 1) {
      const { fault } = await verify([ndjson(without.slice(from))], { trusted, isPartial: true });
      assert.match(fault?.what ?? '', /^lacks chains: checkpoint \d/, `from ${from}`);
    }
  });

  it('a file that is not there is no fault of the trail', async () => {
    await assert.rejects(verifyFiles(['/nowhere/at-all']), { code: 'ENOENT' });
  });
});
