import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Candidate, ClaimOwners, judgeCandidates } from '../../../src/config/tenants-conflicts.ts';
import { parseTenantsFile, type TenantsFile } from '../../../src/config/tenants-file.ts';

/** A version of a file with these tenants, each with a key of the same name; `vendor` and `policy` stand for the sections. */
function version(...names: string[]): TenantsFile {
  const tenants = names.filter((name) => name !== 'vendor' && name !== 'policy');
  const entries = tenants.map((name) => `${name}: {keys: [{id: ${name}, provider: local, local: {storeFile: k}}]}`);
  const sections = `${names.includes('vendor') ? 'vendor: {keys: []}\n' : ''}${names.includes('policy') ? 'policy: {}\n' : ''}`;
  const result = parseTenantsFile(`tenants: {${entries.join(', ')}}\n${sections}`, 'x.yaml');
  return 'parsed' in result ? result.parsed : assert.fail();
}

interface Case {
  readonly name: string;
  /** What is served now. */
  readonly served?: Readonly<Record<string, readonly string[]>>;
  /** New versions with their times of change. */
  readonly changed: Readonly<Record<string, readonly [number, ...string[]]>>;
  readonly removed?: readonly string[];
  readonly accepted: readonly string[];
  readonly faults?: readonly RegExp[];
}

const CASES: readonly Case[] = [
  { name: 'files that agree are accepted', changed: { a: [1, 'x'], b: [2, 'y'] }, accepted: ['a', 'b'] },
  {
    name: 'of two new files that name one tenant the older is accepted',
    changed: { a: [2, 'x'], b: [1, 'x'] },
    accepted: ['b'],
    faults: [/tenants.x: is configured in b too/, /tenants.x.keys\[0\].id: is the id of a key in b too/],
  },
  {
    name: 'at equal times the earlier name is accepted',
    changed: { b: [1, 'vendor'], a: [1, 'vendor'] },
    accepted: ['a'],
    faults: [/vendor: stands in a too, a deployment has it once/],
  },
  {
    name: 'a changed file that takes what an unchanged one has is rejected, however old its time stamp',
    served: { a: ['x'], b: ['y'] },
    changed: { b: [0, 'y', 'x'] },
    accepted: [],
    faults: [/tenants.x: is configured in a too/, /is the id of a key in a too/],
  },
  {
    name: 'a file may replace what it had itself',
    served: { a: ['x', 'vendor', 'policy'] },
    changed: { a: [1, 'x', 'vendor', 'policy', 'z'] },
    accepted: ['a'],
  },
  {
    name: 'a tenant moves between files that change together',
    served: { a: ['x', 'y'], b: ['z'] },
    changed: { a: [2, 'y'], b: [1, 'z', 'x'] },
    accepted: ['b', 'a'],
  },
  {
    name: 'two files exchange their tenants',
    served: { a: ['x'], b: ['y'] },
    changed: { a: [1, 'y'], b: [1, 'x'] },
    accepted: ['a', 'b'],
  },
  { name: 'what a removed file had is free', served: { a: ['x'] }, removed: ['a'], changed: { b: [1, 'x'] }, accepted: ['b'] },
  {
    name: 'a rejected version leaves its previous one in the way of others',
    served: { a: ['x'], b: ['y'], c: ['z'] },
    changed: { a: [1, 'y', 'w'], b: [2, 'z'] },
    accepted: [],
    faults: [/configured in c too/, /key in c too/, /configured in b too/, /key in b too/],
  },
  {
    name: 'two policy sections are one too many',
    served: { a: ['policy'] },
    changed: { b: [1, 'policy', 'x'], c: [2, 'y'] },
    accepted: ['c'],
    faults: [/policy: stands in a too/],
  },
];

function judge({ served = {}, changed, removed = [] }: Pick<Case, 'served' | 'changed' | 'removed'>) {
  const owners = new ClaimOwners();
  for (const [file, names] of Object.entries(served)) owners.take(file, version(...names));
  const candidates: Candidate[] = Object.entries(changed).map(([file, [mtimeMs, ...names]]) => ({
    file,
    mtimeMs,
    next: version(...names),
  }));
  return judgeCandidates({ candidates, removed: new Set(removed), owners });
}

for (const { name, accepted, faults = [], ...given } of CASES) {
  test(name, () => {
    const verdict = judge(given);
    assert.deepEqual(
      verdict.accepted.map(({ file }) => file),
      accepted,
    );
    assert.equal(verdict.faults.length, faults.length, JSON.stringify(verdict.faults));
    for (const [at, words] of faults.entries()) {
      const fault = verdict.faults[at] ?? assert.fail();
      assert.match(`${fault.path}: ${fault.message}`, words);
      assert.ok(fault.line !== undefined && !accepted.includes(fault.file));
    }
  });
}

test('whatever changes, no claim is held twice afterwards', () => {
  const files = ['a', 'b', 'c', 'd'];
  const names = fc.uniqueArray(fc.constantFrom('u', 'v', 'w', 'x', 'vendor'), { maxLength: 4 });
  const world = fc.record({
    partition: fc.array(fc.constantFrom(...files), { minLength: 5, maxLength: 5 }),
    changed: fc.dictionary(fc.constantFrom(...files), fc.tuple(fc.nat(3), names)),
    removed: fc.uniqueArray(fc.constantFrom(...files), { maxLength: 2 }),
  });
  fc.assert(
    fc.property(world, ({ partition, changed, removed }) => {
      const served: Record<string, string[]> = {};
      for (const [at, name] of ['u', 'v', 'w', 'x', 'vendor'].entries()) {
        const file = partition[at] ?? 'a';
        served[file] = [...(served[file] ?? []), name];
      }
      const candidates = Object.entries(changed).filter(([file]) => !removed.includes(file));
      const verdict = judge({
        served,
        removed,
        changed: Object.fromEntries(candidates.map(([file, [mtimeMs, list]]) => [file, [mtimeMs, ...list]])),
      });
      const after = new Map(Object.entries(served).filter(([file]) => !removed.includes(file)));
      for (const { file } of verdict.accepted) after.set(file, changed[file]?.[1] ?? []);
      const all = [...after.values()].flat();
      assert.equal(new Set(all).size, all.length);
    }),
    { numRuns: 300 },
  );
});
