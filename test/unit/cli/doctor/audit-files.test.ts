import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { checkAudit, checkTenantSinks } from '../../../../src/cli/doctor/audit-files.ts';
import type { Finding } from '../../../../src/cli/doctor/finding.ts';
import { parseDaemonConfig } from '../../../../src/config/daemon-config.ts';
import type { ConfiguredSink } from '../../../../src/tenants/tenant.ts';
import { tenantContent } from '../../../fakes/tenants.ts';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-doctor-audit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What is found in a configuration file of that folder, each as `verdict what: words` with paths from the folder. */
function examined(folder: string, audit: string): string[] {
  const { audit: config } = parseDaemonConfig(`tenants: t\naudit: ${audit}\n`, join(folder, 'keyside.yaml'));
  return rendered(checkAudit(config), folder);
}

function rendered(findings: Iterable<Finding>, folder: string): string[] {
  return [...findings].map(({ verdict, what, words }) => `${verdict} ${what}: ${words}`.replaceAll(`${folder}/`, ''));
}

describe('the audit trail, to the doctor,', () => {
  it('is fit without any setting where the folder of the file can be written', (t) => {
    const folder = temporaryFolder(t);
    assert.deepEqual(examined(folder, '{}'), ['ok audit.directory: audit can be made']);
    assert.deepEqual(examined(folder, '{ directory: a/b/c }'), ['ok audit.directory: a/b/c can be made']);
    mkdirSync(join(folder, 'audit'));
    assert.deepEqual(examined(folder, '{}'), ['ok audit.directory: audit can be written']);
  });

  it('cannot be kept where something else is in the way', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'audit'), '', { mode: 0o755 });
    assert.deepEqual(examined(folder, '{}'), ['fail audit.directory: audit cannot be written by this user']);
    assert.deepEqual(examined(folder, '{ directory: audit/spool }'), [
      'fail audit.directory: audit/spool cannot be made by this user in audit',
    ]);
  });

  it('is worth a word where it is off, and nothing of it is looked at', (t) => {
    assert.deepEqual(examined(temporaryFolder(t), '{ mode: off, signingKeyFile: missing }'), [
      'warn audit: mode is off: nothing is recorded',
    ]);
  });

  it('needs the files that it names, and secrets that nobody else reads', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'key'), '', { mode: 0o600 });
    writeFileSync(join(folder, 'token'), '', { mode: 0o644 });
    writeFileSync(join(folder, 'ca'), '', { mode: 0o644 });
    const sinks = `[
      { name: siem, kind: splunk-hec, splunk-hec: { url: 'https://s.example', tokenFile: token, caFile: ca } },
      { name: log, kind: syslog, syslog: { host: h, certificateFile: cert, privateKeyFile: key } },
      { name: out, kind: stdout } ]`;
    assert.deepEqual(examined(folder, `{ signingKeyFile: signer, sinks: ${sinks.replaceAll('\n', ' ')} }`), [
      'ok audit.directory: audit can be made',
      'fail audit.signingKeyFile: signer does not exist',
      'fail audit, sink siem: token has mode 0644: every user of this machine may read it',
      'ok audit, sink siem: ca has mode 0644',
      'fail audit, sink log: cert does not exist',
      'ok audit, sink log: key has mode 0600',
    ]);
  });

  it("needs the folder of a sink's file, and for a tenant's sinks what it needs for its own", (t) => {
    const folder = temporaryFolder(t);
    const file = (name: string, path: string): ConfiguredSink => ({
      name,
      kind: 'file',
      events: undefined,
      settings: { path: join(folder, path) },
    });
    const tenant = tenantContent('acme', { auditSinks: [file('here', 'new.ndjson'), file('there', 'none/new.ndjson')] });
    assert.deepEqual(rendered(checkTenantSinks([tenant]), folder), [
      `ok tenant acme, sink here: ${folder} can be written`,
      'fail tenant acme, sink there: none does not exist',
    ]);
  });
});
