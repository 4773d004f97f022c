import { alter, altered, byTenant, rechained, rewrittenAfterCheckpoint, unsigned, without } from '../../fakes/audit-tampering.ts';
import { gzip, type KeptRecord, ndjson, type Trail } from '../../fakes/audit-trail.ts';
import { denied } from './tampering-lines.ts';

/** Three starts of one sidecar: the last one runs, the others ended and are signed to their ends. */
export interface ArchiveScene {
  /** Of the daemon itself and globex alone. */
  readonly lone: Trail;
  /** Of the daemon itself, acme and globex, as `later`. */
  readonly ended: Trail;
  readonly later: Trail;
}

export interface ArchiveTampering {
  readonly name: string;
  readonly files: (scene: ArchiveScene) => readonly (string | Uint8Array)[];
  /** Of the first fault, or of the chains that are unproven. */
  readonly want: RegExp;
}

function everything({ lone, ended, later }: ArchiveScene): readonly KeptRecord[] {
  return [...lone.records, ...ended.records, ...later.records];
}

function files(records: readonly KeptRecord[], isThere?: (tenantId: string) => boolean): readonly string[] {
  return byTenant(records, isThere).map(ndjson);
}

/** Without the first of them, and each by somebody else. */
function byAnother(records: readonly KeptRecord[]): KeptRecord[] {
  return records.slice(1).map((each) => altered(each, (value) => Object.assign(value, { actor: { user: { uid: 'mallory' } } })));
}

/** Of several starts, and of files by tenant. */
export const onArchives: readonly ArchiveTampering[] = [
  {
    name: "one start of a tenant's chain is made anew without checkpoints, another is whole",
    files: ({ ended, later }) => [ndjson([...unsigned(byAnother(ended.of('acme'))), ...later.of('acme')])],
    want: /^unproven: acme start-1 records 1 to 7, ended$/,
  },
  {
    name: "the newest start of a tenant's chain is made anew without checkpoints",
    files: ({ ended, later }) => [ndjson([...ended.of('acme'), ...unsigned(byAnother(later.of('acme')))])],
    want: /^unproven: acme start-2 records 1 to 7$/,
  },
  {
    name: 'a start that ended is made anew after its first checkpoint',
    files: ({ ended, later }) => [ndjson([...rewrittenAfterCheckpoint(ended.of('acme'), byAnother), ...later.of('acme')])],
    want: /^unproven: acme start-1 records 4 to 8, ended$/,
  },
  {
    name: 'the last checkpoint of a start that ended is cut off',
    files: ({ ended, later }) => [ndjson([...ended.of('acme').slice(0, -1), ...later.of('acme')])],
    want: /^unproven: acme start-1 records 10 to 11, ended$/,
  },
  {
    name: 'one chain among all is made anew without checkpoints',
    files: ({ ended, later }) => {
      const [own = [], acme = [], globex = []] = byTenant(ended.records);
      return [own, unsigned(alter(acme, 1, denied)), globex, later.records].map(ndjson);
    },
    want: /the input lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here; later ones lack chains too: 3/,
  },
  {
    name: 'a tenant is left out of files by tenant',
    files: (scene) => files(everything(scene), (tenantId) => tenantId !== 'globex'),
    want: /lacks chains: checkpoint 1 of start start-0 is over 2 chains, 1 is here/,
  },
  {
    name: 'a tenant is left out of compressed files by tenant',
    files: ({ ended }) => files(ended.records, (tenantId) => tenantId !== 'acme').map(gzip),
    want: /lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here/,
  },
  {
    name: 'a tenant is left out, and the files of another are there twice',
    files: ({ ended }) => [...files(ended.records, (tenantId) => tenantId !== 'globex'), ndjson(ended.of('acme'))],
    want: /lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here/,
  },
  {
    name: 'the only tenant of one start is left out',
    files: ({ lone, ended, later }) => files([...lone.of(''), ...ended.records, ...later.records]),
    want: /lacks chains: checkpoint 1 of start start-0 is over 2 chains, 1 is here/,
  },
  {
    name: 'a tenant is left out of one start',
    files: ({ lone, ended, later }) => files([...lone.records, ...ended.of(''), ...ended.of('acme'), ...later.records]),
    want: /lacks chains: checkpoint 1 of start start-1 is over 3 chains, 2 are here/,
  },
  {
    name: 'a tenant is cut off after its first checkpoint',
    files: ({ ended }) => [ended.of(''), ended.of('acme').slice(0, 4), ended.of('globex')].map(ndjson),
    want: /lacks chains: checkpoint 2 of start start-1 is over 3 chains, 2 are here; later ones lack chains too: 2/,
  },
  {
    name: "the daemon's own records are left out of one start",
    files: ({ ended, later }) => files([...ended.of('acme'), ...ended.of('globex'), ...later.records]),
    want: /lacks record 1 of the sidecar in start start-1, of whatever chain/,
  },
  {
    name: 'the first records of a tenant are left out and the rest is chained anew',
    files: ({ ended }) => [ended.of(''), rechained(without(ended.of('acme'), 0)), ended.of('globex')].map(ndjson),
    want: /2 line 3 is a checkpoint over 3 records of the chain, which then had 2/,
  },
];
