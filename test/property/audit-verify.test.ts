import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { readPublicKeys, type VerificationKey } from '../../src/audit/signing-key.ts';
import { verifyFiles } from '../../src/audit/verify.ts';
import type { VerifyReport } from '../../src/audit/verify-report.ts';
import { altered, type Editable, flipped, inserted, rechained, swapped, without } from '../fakes/audit-tampering.ts';
import { gzip, type KeptRecord, ndjson, sampleTrail, segment, type Trail, withFiles } from '../fakes/audit-trail.ts';
import { checkAsync } from './runs.ts';

let trail: Trail;
let trusted: readonly VerificationKey[];
let whole: VerifyReport;

before(async () => {
  trail = await sampleTrail();
  trusted = readPublicKeys(trail.key.public.pem);
  whole = await verify(ndjson(trail.records));
  assert.equal(whole.verdict, 'verified');
});

function verify(...contents: readonly (string | Uint8Array)[]): Promise<VerifyReport> {
  return withFiles(contents, (files) => verifyFiles(files, { trusted }));
}

/** Per chain, what is proven: nothing of it may have changed where there is no fault. */
function provenOf({ tenants }: VerifyReport): unknown {
  return tenants.map(({ tenantId, chains }) => [tenantId, chains.map(({ proven }) => proven)]);
}

/** The first record of the trail that no checkpoint covers, in its order. */
function isUnproven({ line, record }: KeptRecord): boolean {
  const proven = whole.tenants.find(({ tenantId }) => tenantId === record.tenantId)?.chains[0]?.proven;
  return JSON.parse(line).unmapped.chain.sequence > (proven?.sequence ?? 0);
}

/** Either something is wrong, or what is proven is what was proven before, and the change lies behind it. */
function assertFound(report: VerifyReport, touched: readonly KeptRecord[]): void {
  if (report.verdict === 'fault') return;
  assert.ok(touched.every(isUnproven), 'a record that a checkpoint covers was changed, and nothing was said');
  assert.deepEqual(provenOf(report), provenOf(whole));
}

const form = fc.constantFrom(
  (records: readonly KeptRecord[]) => ndjson(records),
  (records: readonly KeptRecord[]) => gzip(ndjson(records)),
  (records: readonly KeptRecord[]) => segment(records),
);
const at = fc.nat(23);

test('any single turned bit of a record is found, or lies behind the last checkpoint', async () => {
  await checkAsync(
    fc.asyncProperty(at, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(7), async (index, where, bit) => {
      const record = trail.records[index] as KeptRecord;
      const line = Buffer.from(record.line);
      const lines = trail.records.map((each, number) =>
        number === index ? flipped(line, Math.floor(where * line.length), bit) : Buffer.from(each.line),
      );
      assertFound(await verify(Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\n')]))), [record]);
    }),
    300,
  );
});

test('any single turned bit of a segment is found, wherever it is', async () => {
  const bytes = segment(trail.records);
  await checkAsync(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (where, bit) => {
      const report = await verify(flipped(bytes, where, bit));
      assert.equal(report.verdict, 'fault');
    }),
    200,
  );
});

test('a record that is dropped is found, or lies behind the last checkpoint', async () => {
  await checkAsync(
    fc.asyncProperty(at, form, async (index, laidOut) => {
      assertFound(await verify(laidOut(without(trail.records, index))), [trail.records[index] as KeptRecord]);
    }),
    80,
  );
});

test('records that are swapped are found', async () => {
  await checkAsync(
    fc.asyncProperty(at, at, form, async (one, other, laidOut) => {
      fc.pre(one !== other);
      assert.equal((await verify(laidOut(swapped(trail.records, one, other)))).verdict, 'fault');
    }),
    80,
  );
});

/** One value somewhere in a record is replaced. */
function replaceSomewhere(value: Editable, path: readonly number[]): void {
  let place = value;
  for (const [depth, step] of path.entries()) {
    const names = Object.keys(place);
    if (names.length === 0) break;
    const name = names[step % names.length] as string;
    if (typeof place[name] === 'object' && depth < path.length - 1) place = place[name];
    else {
      place[name] = 'forged';
      return;
    }
  }
  Object.assign(place, { forged: 1 });
}

const path = fc.array(fc.nat(40), { minLength: 1, maxLength: 4 });

test('a record that is repeated with a change is found', async () => {
  await checkAsync(
    fc.asyncProperty(fc.tuple(at, at), path, form, async ([index, target], steps, laidOut) => {
      const record = trail.records[index] as KeptRecord;
      const again = altered(record, (value) => replaceSomewhere(value, steps));
      fc.pre(again.line !== record.line);
      assert.equal((await verify(laidOut(inserted(trail.records, Math.max(index + 1, target), again)))).verdict, 'fault');
    }),
    150,
  );
});

test('what is altered and chained anew without the key is found, or lies behind the last checkpoint', async () => {
  await checkAsync(
    fc.asyncProperty(at, path, form, async (index, steps, laidOut) => {
      const record = trail.records[index] as KeptRecord;
      const forged = trail.records.map((each) =>
        each === record ? altered(each, (value) => replaceSomewhere(value, steps)) : each,
      );
      fc.pre(JSON.parse((forged[index] as KeptRecord).line).unmapped?.chain?.start !== undefined);
      fc.pre(typeof JSON.parse((forged[index] as KeptRecord).line).metadata === 'object');
      const anew = rechained(forged);
      // Chaining anew may have taken back what was altered.
      fc.pre(anew[index]?.line !== record.line);
      assertFound(await verify(laidOut(anew)), [record]);
    }),
    150,
  );
});

test('records that come again as they were are counted and are no fault, in one file or several in any order', async () => {
  await checkAsync(
    fc.asyncProperty(fc.tuple(at, fc.nat(23)), fc.boolean(), form, async ([from, length], isSplit, laidOut) => {
      const { records } = trail;
      const again = records.slice(from, from + length + 1);
      const report = isSplit
        ? await verify(laidOut(again), laidOut(records))
        : await verify(laidOut(inserted(records, Math.min(records.length, from + again.length), ...again)));
      assert.deepEqual(
        [report.verdict, report.repeated, report.records],
        ['verified', again.length, whole.records],
        JSON.stringify(report.fault),
      );
      assert.deepEqual(provenOf(report), provenOf(whole));
    }),
    100,
  );
});

test('records in several files, in any order and mixture, are one trail', async () => {
  await checkAsync(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(23), { maxLength: 4 }),
      fc.array(form, { minLength: 5, maxLength: 5 }),
      fc.nat(),
      async (cuts, forms, turn) => {
        const borders = [0, ...cuts.filter((cut) => cut > 0).sort((a, b) => a - b), trail.records.length];
        const files = borders.slice(1).map((end, number) => (forms[number] ?? ndjson)(trail.records.slice(borders[number], end)));
        const turned = [...files.slice(turn % files.length), ...files.slice(0, turn % files.length)];
        const report = await verify(...turned);
        assert.deepEqual(
          [report.verdict, report.records, report.repeated],
          ['verified', whole.records, 0],
          JSON.stringify(report.fault),
        );
      },
    ),
    60,
  );
});

test('a trail that is cut off at its end proves what was signed until then, and is no fault', async () => {
  await checkAsync(
    fc.asyncProperty(fc.integer({ min: 1, max: 24 }), async (length) => {
      const report = await verify(ndjson(trail.records.slice(0, length)));
      // The daemon's own chain is the last that gets its first checkpoint.
      assert.equal(report.verdict, length < 9 ? 'unproven' : 'verified', JSON.stringify(report.fault));
      assert.ok(report.unprovenChains.every(({ isNewestStart }) => isNewestStart));
      assert.ok(report.records <= whole.records);
    }),
    24,
  );
});
