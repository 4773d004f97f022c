import { Buffer } from 'node:buffer';
import { alter, altered, flipped, inserted, rechained, swapped, without } from '../../fakes/audit-tampering.ts';
import { gzip, type KeptRecord, ndjson, type Trail } from '../../fakes/audit-trail.ts';

type Content = string | Uint8Array;

/** What the forger has to work with. */
export interface Scene {
  readonly trail: Trail;
  /** Line 1: daemon; 2, 4, 5 acme; 3, 6 globex; 7–9 checkpoint 1; 10 acme; 11, 12 globex; 13–15 checkpoint 2; 16, 17, 19 acme; 18 globex; 20–22 checkpoint 3; 23 globex; 24 acme. */
  readonly all: readonly KeptRecord[];
  readonly acme: readonly KeptRecord[];
  /** Another start of the same sidecar, with the same key. */
  readonly later: Trail;
  /** The same start as a forger would make it: another key. */
  readonly forged: Trail;
}

export interface Tampering {
  readonly name: string;
  readonly files: (scene: Scene) => readonly Content[];
  /** Of place and text of the first fault. */
  readonly want: RegExp;
}

export function denied(value: { status_code: string }): void {
  value.status_code = 'POLICY_DENIED';
}

/** Of files of lines. */
export const onLines: readonly Tampering[] = [
  {
    name: 'a value is altered',
    files: ({ all }) => [ndjson(alter(all, 3, denied))],
    want: /1 line 4 is not what .*record 3, .*1 line 5\)/,
  },
  {
    name: 'a value of the first record is altered',
    files: ({ all }) => [ndjson(alter(all, 0, denied))],
    want: /1 line 1 is not what/,
  },
  {
    name: 'a value is removed',
    files: ({ all }) => [ndjson(alter(all, 3, (value) => delete value.actor))],
    want: /1 line 4 is not what/,
  },
  {
    name: 'a value is added',
    files: ({ all }) => [ndjson(alter(all, 3, (value) => Object.assign(value, { note: 1 })))],
    want: /1 line 4 is not what/,
  },
  {
    name: 'a time is altered',
    files: ({ all }) => [ndjson(alter(all, 9, (value) => Object.assign(value, { time: 1 })))],
    want: /1 line 10 is not what/,
  },
  {
    name: 'a line is no JSON',
    files: ({ all }) => [ndjson(inserted(all, 5, { ...(all[5] as KeptRecord), line: '{"a":' }))],
    want: /1 line 6 is not JSON/,
  },
  {
    name: 'a line is JSON of something else',
    files: ({ all }) => [ndjson(inserted(all, 5, { ...(all[5] as KeptRecord), line: '{}' }))],
    want: /1 line 6 is JSON, but not a record/,
  },
  {
    name: 'a line is no UTF-8',
    files: ({ all }) => [flipped(Buffer.from(ndjson(all)), 100, 7)],
    want: /1 line 1 is not JSON in UTF-8/,
  },
  {
    name: 'a name stands twice, with another value first',
    files: ({ all }) => [
      ndjson(
        all.map((each, at) =>
          at === 3 ? { ...each, line: each.line.replace('"status_code":', '"status_code":"DENIED","status_code":') } : each,
        ),
      ),
    ],
    want: /1 line 4 has a name twice/,
  },
  {
    name: 'a record is removed',
    files: ({ all }) => [ndjson(without(all, 3))],
    want: /1 line 4 follows a gap: record 2 is not in these files/,
  },
  {
    name: 'the first record is removed',
    files: ({ all }) => [ndjson(without(all, 0))],
    want: /begins the chain: record 1 is not in these files/,
  },
  {
    name: 'several records are removed',
    files: ({ acme }) => [ndjson(without(acme, 4, 5, 6))],
    want: /1 line 5 follows a gap: records 5 to 7 are not in these files/,
  },
  {
    name: 'a checkpoint is removed',
    files: ({ acme }) => [ndjson(without(acme, 3))],
    want: /1 line 4 follows a gap: record 4 is not/,
  },
  {
    name: 'records of one tenant are swapped',
    files: ({ all }) => [ndjson(swapped(all, 3, 4))],
    want: /1 line 4 follows a gap: record 2 is not in these files, or out of order/,
  },
  {
    name: 'records of two tenants are swapped',
    files: ({ all }) => [ndjson(swapped(all, 4, 5))],
    want: /1 line 6 is record 5 of the sidecar, after 6: out of order/,
  },
  {
    name: 'a record is moved back',
    files: ({ acme }) => [ndjson([...without(acme, 2), acme[2] as KeptRecord])],
    want: /1 line 3 follows a gap: record 3/,
  },
  {
    name: 'a record is repeated with a difference',
    files: ({ all }) => [ndjson(inserted(all, 4, altered(all[3] as KeptRecord, denied)))],
    want: /1 line 5 is another record 2 than the one before it/,
  },
  {
    name: 'a record is repeated much later with a difference',
    files: ({ all }) => [ndjson([...all, altered(all[3] as KeptRecord, denied)])],
    want: /1 line 25 is another record 2 than the one before it/,
  },
  {
    name: 'a record of another tenant takes the place of one',
    files: ({ all }) => [ndjson(alter(all, 3, ({ metadata }) => Object.assign(metadata, { tenant_uid: 'globex' })))],
    want: /1 line 3 is not what .*record 2, .*1 line 4\)/,
  },
  {
    name: 'a record is handed to a tenant without records',
    files: ({ all }) => [ndjson(alter(all, 3, ({ metadata }) => Object.assign(metadata, { tenant_uid: 'initech' })))],
    want: /1 line 4 begins the chain: record 1 is not/,
  },
  {
    name: 'a record of another start takes the place of one',
    files: ({ acme, later }) => [ndjson([...acme.slice(0, 2), later.of('acme')[2] as KeptRecord, ...acme.slice(3)])],
    want: /1 line 3 begins the chain: records 1 to 2 are not/,
  },
  {
    name: 'a record of another start is given the name of this one',
    files: ({ acme, later }) => [
      ndjson([
        ...acme.slice(0, 2),
        altered(later.of('acme')[2] as KeptRecord, ({ unmapped, metadata }) => {
          unmapped.chain.start = 'start-1';
          metadata.uid = `start-1-${metadata.sequence}`;
        }),
        ...acme.slice(3),
      ]),
    ],
    want: /1 line 2 is not what the record after it was chained to: it or that one \(record 3, .*1 line 3\)/,
  },
  {
    name: 'a record is of another sidecar',
    files: ({ all }) => [ndjson(alter(all, 3, ({ unmapped }) => Object.assign(unmapped.chain, { sidecar: 'other' })))],
    want: /1 line 4 is of sidecar other/,
  },
  {
    name: 'the number in the chain is altered',
    files: ({ all }) => [ndjson(alter(all, 3, ({ unmapped }) => Object.assign(unmapped.chain, { sequence: 3 })))],
    want: /1 line 4 follows a gap/,
  },
  {
    name: "the sidecar's number is altered",
    files: ({ all }) => [ndjson(alter(all, 3, ({ metadata }) => Object.assign(metadata, { sequence: 400 })))],
    want: /1 line 4 is JSON, but not a record/,
  },
  {
    name: "the sidecar's number and the id are altered",
    files: ({ all }) => [ndjson(alter(all, 3, ({ metadata }) => Object.assign(metadata, { sequence: 400, uid: 'start-1-400' })))],
    want: /1 line 4 is not what .*1 line 5\)/,
  },
  {
    name: 'the hash of the record before is altered',
    files: ({ all }) => [ndjson(alter(all, 4, ({ unmapped }) => Object.assign(unmapped.chain, { previous: 'B'.repeat(43) })))],
    want: /1 line 4 is not what .*1 line 5\)/,
  },
  {
    name: 'the number of the checkpoint before is raised',
    files: ({ all }) => [ndjson(alter(all, 3, ({ unmapped }) => Object.assign(unmapped.chain, { checkpoint: 1 })))],
    want: /1 line 4 is not what .*1 line 5\)/,
  },
  {
    name: 'a record is removed and all is chained anew',
    files: ({ all }) => [ndjson(rechained(without(all, 3), { renumber: true }))],
    want: /1 line 6 is a checkpoint after record 6 of the sidecar/,
  },
  {
    name: 'a value is altered and all is chained anew',
    files: ({ acme }) => [ndjson(rechained(alter(acme, 1, denied)))],
    want: /1 line 4 is a checkpoint whose proof does not lead from record 3/,
  },
  {
    name: 'a record is altered and only its successor chained anew',
    files: ({ acme }) => [ndjson([...rechained(alter(acme.slice(0, 3), 1, denied)), ...acme.slice(3)])],
    want: /1 line 3 is not what .*1 line 4\)/,
  },
  {
    name: 'a record is put in and all is chained anew',
    files: ({ all }) => [ndjson(rechained(inserted(all, 4, all[3] as KeptRecord), { renumber: true }))],
    want: /1 line 8 is a checkpoint over 3 records of the chain, which then had 4/,
  },
  {
    name: 'records are swapped and all is chained anew',
    files: ({ all }) => [ndjson(rechained(swapped(all, 3, 4), { renumber: true }))],
    want: /1 line 7 is a checkpoint whose proof does not lead from record 3/,
  },
  {
    name: "a tenant's records are removed and all is numbered anew",
    files: ({ all }) => [
      ndjson(
        rechained(
          all.filter(({ record }) => record.tenantId !== 'globex'),
          { renumber: true },
        ),
      ),
    ],
    want: /1 line 5 is a checkpoint after record 6 of the sidecar/,
  },
  {
    name: "a tenant's records are removed",
    files: ({ all }) => [ndjson(all.filter(({ record }) => record.tenantId !== 'globex'))],
    want: /the input lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here; later ones lack chains too: 2/,
  },
  {
    name: "the tree's leaf is moved",
    files: ({ acme }) => [
      ndjson(rechained(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped.checkpoint.leaf, { index: 1 })))),
    ],
    want: /1 line 4 is a checkpoint whose proof does not lead from record 3/,
  },
  {
    name: 'a proof is shortened',
    files: ({ acme }) => [ndjson(alter(acme, 3, ({ unmapped }) => unmapped.checkpoint.proof.pop()))],
    want: /1 line 4 is a checkpoint whose proof does not lead/,
  },
  {
    name: 'a signature is altered',
    files: ({ acme }) => [
      ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped.checkpoint, { signature: 'A'.repeat(86) }))),
    ],
    want: /1 line 4 is a checkpoint with a false signature/,
  },
  {
    name: 'what was signed is altered',
    files: ({ acme }) => [ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped.checkpoint.statement, { time: 7 })))],
    want: /1 line 4 is a checkpoint with a false signature/,
  },
  {
    name: 'the key is replaced',
    files: ({ acme, forged }) => [
      ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped.checkpoint, { public_key: forged.key.public.raw }))),
    ],
    want: /1 line 4 is a checkpoint with a public key that is not the one it names/,
  },
  {
    name: 'the key is replaced by one that is none',
    files: ({ acme }) => [
      ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped.checkpoint, { public_key: '_'.repeat(43) }))),
    ],
    want: /1 line 4 is a checkpoint with a public key that is not the one it names/,
  },
  {
    name: 'a checkpoint is replayed',
    files: ({ acme }) => [ndjson(rechained([...acme, acme[3] as KeptRecord]))],
    want: /1 line 12 follows checkpoint 1, the record before it 3/,
  },
  {
    name: 'a checkpoint is replayed with its number raised',
    files: ({ acme }) => {
      const again = altered(acme[3] as KeptRecord, ({ unmapped }) => Object.assign(unmapped.chain, { checkpoint: 3 }));
      return [ndjson(rechained([...acme, again]))];
    },
    want: /1 line 12 is checkpoint 1 where 3 was under way/,
  },
  {
    name: "another chain's checkpoint takes the place of one",
    files: ({ acme, trail }) => {
      const { unmapped: other } = JSON.parse((trail.of('globex')[2] as KeptRecord).line);
      return [ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped, { checkpoint: other.checkpoint })))];
    },
    want: /1 line 4 is a checkpoint over 2 records of the chain, which then had 3/,
  },
  {
    name: "another start's checkpoint takes the place of one",
    files: ({ acme, later }) => {
      const { unmapped: other } = JSON.parse((later.of('acme')[3] as KeptRecord).line);
      return [ndjson(alter(acme, 3, ({ unmapped }) => Object.assign(unmapped, { checkpoint: other.checkpoint })))];
    },
    want: /1 line 4 is a checkpoint of start start-2/,
  },
  {
    name: 'everything is made anew with another key',
    files: ({ forged }) => [ndjson(forged.records)],
    want: /1 line \d+ is a checkpoint signed by key [0-9a-f]{16}, which is not trusted/,
  },
  {
    name: 'checkpoints are left out and all is chained anew',
    files: ({ all }) => [
      ndjson(
        rechained(
          all.filter(({ record }) => record.kind !== 'checkpoint'),
          { renumber: true },
        ),
      ),
    ],
    want: /^unproven: the daemon itself start-1 record 1, acme start-1 records 1 to 8, globex start-1 records 1 to 6$/,
  },
  { name: 'there is nothing', files: () => ['\n'], want: /the input has no records/ },
  {
    name: 'a file of the middle is left out',
    files: ({ all }) => [ndjson(all.slice(0, 8)), ndjson(all.slice(16))],
    want: /2 line \d+ follows a gap/,
  },
  {
    name: 'the beginning is left out',
    files: ({ acme }) => [ndjson(acme.slice(2))],
    want: /1 line 1 begins the chain: records 1 to 2 are not in these files/,
  },
  {
    name: 'gzip is cut off',
    files: ({ all }) => [gzip(ndjson(all)).subarray(0, -40)],
    want: /1 line \d+ ends the file: what follows is not gzip/,
  },
  { name: 'a byte of gzip is altered', files: ({ all }) => [flipped(gzip(ndjson(all)), 400)], want: /1 line \d+ / },
];
