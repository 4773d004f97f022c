import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENT_KINDS } from '../../src/audit/event.ts';
import { OCSF_VERSION } from '../../src/audit/ocsf-metadata.ts';
import { SAMPLES } from '../fakes/audit-events.ts';
import { Trail } from '../fakes/audit-trail.ts';
import { breaches, loadSchema, type OcsfSchema } from './ocsf-schema.ts';

const loaded = await loadSchema();
const skip = 'missing' in loaded ? loaded.missing : false;
const schema = loaded as OcsfSchema;

type Members = Record<string, unknown>;

/** A record of every sample, and a checkpoint in a tenant's chain and in the daemon's own. */
async function records(): Promise<readonly { readonly name: string; readonly record: Members }[]> {
  const trail = new Trail();
  for (const { event } of SAMPLES) trail.record(event);
  await trail.checkpoint();
  return trail.records.map(({ line, record }, at) => ({
    name: SAMPLES[at]?.name ?? `checkpoint of "${record.tenantId}"`,
    record: JSON.parse(line),
  }));
}

describe('records against the published OCSF schema', { skip }, async () => {
  const all = await records();

  it('is the version that records name', () => {
    assert.equal(schema.version, OCSF_VERSION);
  });

  it('sees a record of every kind', () => {
    const kinds = new Set(all.map(({ record }) => (record.unmapped as Members).kind));
    assert.deepEqual([...kinds].sort(), [...EVENT_KINDS].sort());
  });

  for (const { name, record } of all) {
    it(`keeps to it: ${name}`, () => {
      assert.deepEqual(breaches(schema, record), []);
    });
  }

  const broken: readonly { readonly name: string; readonly change: (record: Members) => void; readonly want: RegExp }[] = [
    {
      name: 'an unknown attribute',
      change: (record) => Object.assign(record, { tenant: 'a' }),
      want: /^tenant: is no attribute/,
    },
    {
      name: 'an unknown attribute further down',
      change: (record) => Object.assign(record.actor as Members, { caller: 'a' }),
      want: /^actor\.caller: is no/,
    },
    { name: 'a missing attribute', change: (record) => delete record.severity_id, want: /^severity_id: is required/ },
    {
      name: 'a number that is none of the values',
      change: (record) => Object.assign(record, { status_id: 77 }),
      want: /^status_id: 77 is not among/,
    },
    {
      name: 'a caption that is not the number’s',
      change: (record) => Object.assign(record, { activity_name: 'Decrypt' }),
      want: /activity_name is Decrypt/,
    },
    {
      name: 'a type that is not the class’s',
      change: (record) => Object.assign(record, { type_uid: 600301 }),
      want: /^type_uid/,
    },
    { name: 'a text for a number', change: (record) => Object.assign(record, { time: '1' }), want: /^time: is no timestamp_t/ },
    {
      name: 'a fraction for an integer',
      change: (record) => Object.assign(record, { duration: 0.5 }),
      want: /^duration: is no long_t/,
    },
    {
      name: 'an address that is none',
      change: (record) => Object.assign(record.src_endpoint as Members, { ip: 'here' }),
      want: /^src_endpoint\.ip/,
    },
    { name: 'none of what one must be of', change: (record) => delete record.database, want: /has none of database/ },
    {
      name: 'an attribute of a profile that is not named',
      change: (record) => Object.assign(record, { action_id: 2 }),
      want: /^action_id: belongs to profile/,
    },
    {
      name: 'an object for a text',
      change: (record) => Object.assign(record, { status_code: {} }),
      want: /^status_code: is no string_t/,
    },
  ];
  for (const { name, change, want } of broken) {
    it(`the check finds ${name}`, () => {
      const record = structuredClone(all[0]?.record as Members);
      change(record);
      const found = breaches(schema, record);
      assert.equal(found.length, 1, found.join('; '));
      assert.match(found[0] as string, want);
    });
  }
});
