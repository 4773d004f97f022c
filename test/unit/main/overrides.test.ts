import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { withOverrides } from '../../../src/main/overrides.ts';

const NONE = { tcp: undefined, http: undefined, unix: undefined, auditDir: undefined, auditMaxBytes: undefined };
const config = (more = '') => parseDaemonConfig(`tenants: t\n${more}`, '/etc/keyside/keyside.yaml');

describe('what the command line says in place of the configuration', () => {
  it('changes nothing where it says nothing', () => {
    assert.deepEqual(withOverrides(config(), NONE), config());
  });

  it('is taken for addresses and sockets, off included', () => {
    const { listen } = withOverrides(config(), { ...NONE, tcp: 'off', http: '0.0.0.0:9000', unix: '/run/k.sock' });
    assert.deepEqual(listen, { tcp: undefined, unixPath: '/run/k.sock', http: { host: '0.0.0.0', port: 9000 }, tls: undefined });
    assert.equal(withOverrides(config(), { ...NONE, http: 'off' }).listen.http, undefined);
  });

  it("is taken for the audit trail's folder, and its room is shared out among the processes", () => {
    const overrides = { ...NONE, auditDir: '/var/audit', auditMaxBytes: `${512 * 2 ** 20}` };
    const { audit } = withOverrides(config('sidecar: { processes: 2 }'), overrides);
    assert.deepEqual([audit.directory, audit.maxBytes], ['/var/audit', 256 * 2 ** 20]);
  });

  for (const { name, overrides, more, want } of [
    { name: 'nothing left to listen on', overrides: { tcp: 'off' }, want: /^Error: --tcp off leaves nothing to listen on/ },
    {
      name: 'an address for everybody',
      overrides: { tcp: '0.0.0.0:1' },
      want: /^Error: --tcp 0.0.0.0:1 can be reached from outside/,
    },
    { name: 'no address', overrides: { http: 'here' }, want: /^Error: --http "here" is neither host:port nor off$/ },
    { name: 'a size with a unit', overrides: { auditMaxBytes: '1GiB' }, want: /is not a whole number of bytes$/ },
    { name: 'a size below zero', overrides: { auditMaxBytes: '-1' }, want: /is not a whole number of bytes$/ },
    {
      name: 'less room than the segments of one process take',
      overrides: { auditMaxBytes: `${100 * 2 ** 20}` },
      more: 'sidecar: { processes: 2 }',
      want: /gives each process 52428800 bytes: 4 segments take 67108864$/,
    },
  ]) {
    it(`is refused for ${name}`, () => {
      assert.throws(() => withOverrides(config(more), { ...NONE, ...overrides }), want);
    });
  }
});
