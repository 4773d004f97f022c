import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { readPublicKeys, SigningKey, type VerificationKey } from '../../../src/audit/signing-key.ts';
import { verifyFiles } from '../../../src/audit/verify.ts';
import { placeText } from '../../../src/audit/verify-input.ts';
import type { VerifyReport } from '../../../src/audit/verify-report.ts';
import { altered } from '../../fakes/audit-tampering.ts';
import { gzip, type KeptRecord, ndjson, sampleTrail, segment, withFiles } from '../../fakes/audit-trail.ts';
import { onLines, type Scene } from './tampering-lines.ts';
import { onSegments } from './tampering-segments.ts';

/** The first fault in words, without the folder. */
function faultText(report: VerifyReport): string {
  assert.equal(report.verdict, 'fault');
  assert.ok(report.fault !== undefined);
  return `${placeText(report.fault.place)} ${report.fault.what}`.replaceAll(/\/\S*\//g, '');
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
      assert.match(faultText(report), want);
    });
  }

  for (const { name, files: tamper, want } of onSegments) {
    it(`of a segment: ${name}`, async () => {
      const report = await withFiles(tamper(scene), (files) => verifyFiles(files, { trusted }));
      assert.match(faultText(report), want);
    });
  }

  it('a chain that was made anew from the last checkpoint on is unproven, not proven', async () => {
    const { all } = scene;
    const tail = altered(all[23] as KeptRecord, (value) => Object.assign(value.unmapped, { bytes: 1 }));
    const report = await withFiles([ndjson([...all.slice(0, 23), tail])], (files) => verifyFiles(files, { trusted }));
    assert.deepEqual([report.verdict, report.unproven], ['verified', 2]);
  });
});
