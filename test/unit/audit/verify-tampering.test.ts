import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { readPublicKeys, SigningKey, type VerificationKey } from '../../../src/audit/signing-key.ts';
import { verifyFiles } from '../../../src/audit/verify.ts';
import { placeText } from '../../../src/audit/verify-input.ts';
import type { VerifyReport } from '../../../src/audit/verify-report.ts';
import { altered, byTenant } from '../../fakes/audit-tampering.ts';
import { BEGIN_MS, gzip, type KeptRecord, ndjson, sampleTrail, segment, Trail, withFiles } from '../../fakes/audit-trail.ts';
import { type ArchiveScene, onArchives } from './tampering-archives.ts';
import { onLines, type Scene } from './tampering-lines.ts';
import { onSegments } from './tampering-segments.ts';

/** The first fault in words, without the folder; or which chains are unproven. */
function foundText(report: VerifyReport): string {
  if (report.verdict === 'unproven') return unprovenText(report);
  assert.equal(report.verdict, 'fault');
  assert.ok(report.fault !== undefined);
  return `${placeText(report.fault.place)} ${report.fault.what}`.replaceAll(/\/\S*\//g, '');
}

function unprovenText({ unprovenChains }: VerifyReport): string {
  const chains = unprovenChains.map(({ tenantId, start, first, last, isNewestStart }) => {
    const range = first === last ? `record ${first}` : `records ${first} to ${last}`;
    return `${tenantId || 'the daemon itself'} ${start} ${range}${isNewestStart ? '' : ', ended'}`;
  });
  return `unproven: ${chains.join(', ')}`;
}

describe('verifying what was tampered with', () => {
  let scene: Scene;
  let trusted: readonly VerificationKey[];

  before(async () => {
    const trail = await sampleTrail();
    const later = await sampleTrail({ start: 'start-2', key: trail.key, beginMs: 1_795_600_800_000 });
    const forged = await sampleTrail({ key: SigningKey.generate() });
    scene = { trail, all: trail.records, acme: trail.of('acme'), later, forged };
    trusted = readPublicKeys(trail.key.public.pem);
  });

  it('begins with what is whole, or the cases below would prove nothing', async () => {
    for (const content of [ndjson(scene.all), ndjson(scene.acme), gzip(ndjson(scene.all)), segment(scene.all)]) {
      const report = await withFiles([content], (files) => verifyFiles(files, { trusted }));
      assert.equal(report.verdict, 'verified', JSON.stringify(report.fault));
    }
  });

  for (const { name, files: tamper, want } of onLines) {
    it(`of lines: ${name}`, async () => {
      const report = await withFiles(tamper(scene), (files) => verifyFiles(files, { trusted }));
      assert.match(foundText(report), want);
    });
  }

  for (const { name, files: tamper, want } of onSegments) {
    it(`of a segment: ${name}`, async () => {
      const report = await withFiles(tamper(scene), (files) => verifyFiles(files, { trusted }));
      assert.match(foundText(report), want);
    });
  }

  it('a chain that was made anew from the last checkpoint on is unproven, not proven', async () => {
    const { all } = scene;
    const tail = altered(all[23] as KeptRecord, (value) => Object.assign(value.unmapped, { bytes: 1 }));
    const report = await withFiles([ndjson([...all.slice(0, 23), tail])], (files) => verifyFiles(files, { trusted }));
    assert.deepEqual([report.verdict, report.unproven], ['verified', 2]);
  });
});

describe('verifying archives of several starts that were tampered with', () => {
  let scene: ArchiveScene;
  let trusted: readonly VerificationKey[];

  before(async () => {
    const key = SigningKey.generate();
    const lone = new Trail({ key, start: 'start-0', beginMs: BEGIN_MS - 3_600_000 });
    lone.record({ kind: 'lifecycle', action: 'start', facts: {} });
    lone.encrypt('globex');
    await lone.checkpoint();
    const ended = await sampleTrail({ key });
    await ended.checkpoint();
    scene = { lone, ended, later: await sampleTrail({ key, start: 'start-2', beginMs: BEGIN_MS + 3_600_000 }) };
    trusted = readPublicKeys(key.public.pem);
  });

  it('begins with what is whole, or the cases below would prove nothing', async () => {
    const all = [...scene.lone.records, ...scene.ended.records, ...scene.later.records];
    const acme = all.filter(({ record }) => record.tenantId === 'acme');
    for (const [files, compared] of [
      [[all], 3],
      [byTenant(all), 3],
      [[acme], 0],
      [byTenant(all, (tenantId) => tenantId !== ''), 0],
      [byTenant(all, (tenantId) => tenantId === ''), 0],
    ] as const) {
      const report = await withFiles(files.map(ndjson), (paths) => verifyFiles(paths, { trusted }));
      assert.deepEqual([report.verdict, report.compared.starts], ['verified', compared], JSON.stringify(report.fault));
    }
  });

  for (const { name, files: tamper, want } of onArchives) {
    it(name, async () => {
      const report = await withFiles(tamper(scene), (files) => verifyFiles(files, { trusted }));
      assert.match(foundText(report), want);
    });
  }
});
