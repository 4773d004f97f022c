import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { run } from '../unit/cli/fake-terminal.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';

const LISTEN = 'listen: { tcp: 127.0.0.1:0, http: 127.0.0.1:0 }\n';

const key = (id: string, more = 'state: primary') =>
  `{ id: ${id}, provider: local, ${more}, local: { storeFile: keys/${id}.json } }`;

const tenant = (id: string, ...keys: readonly string[]) =>
  `  ${id}:\n    keys:\n${keys.map((each) => `      - ${each}\n`).join('')}`;

interface Setup {
  readonly daemon?: string;
  readonly tenants: string;
  readonly stores?: readonly string[];
}

/** A folder with a configuration and key stores, and the doctor who looks at it. */
async function patient(t: TestContext, { daemon = `${LISTEN}tenants: tenants.yaml\n`, tenants, stores = [] }: Setup) {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, 'keys'), { mode: 0o700 });
  writeFileSync(join(folder, 'keyside.yaml'), daemon, { mode: 0o600 });
  writeFileSync(join(folder, 'tenants.yaml'), tenants, { mode: 0o600 });
  for (const store of stores) await run(['local-kms', 'create', store, '--dir', join(folder, 'keys')]);
  const doctor = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await run(['doctor', '--state-dir', folder, ...args]);
    assert.equal(stderr, '');
    // Paths and times differ from run to run; what to do stands below its finding.
    const lines = stdout
      .replaceAll(`${folder}/`, '')
      .replaceAll('\n      ', '; ')
      .replaceAll(/\d+(\.\d)? ms/g, 'N ms')
      .trimEnd()
      .split('\n');
    return { exitCode, lines, failed: lines.filter((line) => line.startsWith('FAIL')), stdout };
  };
  return { folder, doctor };
}

const assertLine = (lines: readonly string[], want: RegExp): void =>
  assert.ok(
    lines.some((line) => want.test(line)),
    `no line is like ${want}:\n${lines.join('\n')}`,
  );

describe('the doctor', () => {
  it('finds nothing wrong with a fit configuration, and exits 0', async (t) => {
    const { doctor } = await patient(t, {
      tenants: `tenants:\n${tenant('acme', key('acme-1'), key('acme-0', 'state: active'))}${tenant('globex', key('globex-1'))}`,
      stores: ['acme-1', 'acme-0', 'globex-1'],
    });
    const { exitCode, lines } = await doctor();
    assert.equal(exitCode, 0, lines.join('\n'));
    assertLine(lines, /^ok {4}configuration: keyside\.yaml is valid$/);
    assertLine(lines, /^ok {4}listen\.tcp 127\.0\.0\.1:0: free$/);
    assertLine(lines, /^ok {4}tenants: 2 tenants, 3 keys of their own$/);
    assertLine(
      lines,
      /^ok {4}key acme-0 of acme: local, active, wraps in N ms, unwraps in N ms; software key acme-0, enabled, version 1 /,
    );
    assert.equal(lines.at(-1), `${lines.length - 1} checks: nothing fails`);
  });

  it('knows a daemon of ours by its answers on TCP, HTTP and a Unix socket', async (t) => {
    const { folder, doctor } = await patient(t, {
      daemon: `listen: { tcp: 127.0.0.1:0, http: 127.0.0.1:0, unix: run/socket }\ntenants: tenants.yaml\n`,
      tenants: `tenants:\n${tenant('acme', key('acme-1'))}`,
      stores: ['acme-1'],
    });
    const daemon = await startDaemon(['--config', join(folder, 'keyside.yaml')]);
    t.after(() => daemon.stop());
    writeFileSync(
      join(folder, 'keyside.yaml'),
      `listen: { tcp: '${daemon.tcp}', http: '${daemon.http}', unix: run/socket }\ntenants: tenants.yaml\n`,
    );
    const { exitCode, lines } = await doctor();
    assert.equal(exitCode, 0, lines.join('\n'));
    for (const name of ['tcp', 'http', 'unix'])
      assertLine(lines, new RegExp(`^ok    listen\\.${name} .*: a Keyside daemon answers here$`));
  });

  it('tells each key that fails, why, and who can mend it, and goes on with the others', async (t) => {
    const { folder, doctor } = await patient(t, {
      tenants: `tenants:\n${['loose', 'missing', 'revoked', 'garbled', 'fit'].map((id) => tenant(id, key(`${id}-1`))).join('')}`,
      stores: ['loose-1', 'revoked-1', 'fit-1'],
    });
    const keys = join(folder, 'keys');
    chmodSync(join(keys, 'loose-1.json'), 0o644);
    await run(['local-kms', 'disable', 'revoked-1', '--dir', keys]);
    writeFileSync(join(keys, 'garbled-1.json'), 'not JSON', { mode: 0o600 });
    const { exitCode, lines, failed } = await doctor();
    assert.equal(exitCode, 1);
    assertLine(failed, /^FAIL {2}key store of loose-1: keys\/loose-1\.json has mode 0644: .*; chmod 600 keys\/loose-1\.json$/);
    assertLine(failed, /^FAIL {2}key loose-1 of loose: KEY_MISCONFIGURED: .*mode 0644.*; for whoever runs the daemon: /);
    assertLine(failed, /^FAIL {2}key missing-1 of missing: KEY_NOT_FOUND: .*does not exist; .*`keyside local-kms create`$/);
    assertLine(failed, /^FAIL {2}key revoked-1 of revoked: KEY_REVOKED: .*; for the tenant: `keyside local-kms enable`/);
    assertLine(failed, /^FAIL {2}key garbled-1 of garbled: KEY_MISCONFIGURED: .*is not JSON/);
    assertLine(lines, /^ok {4}key fit-1 of fit: /);
    assert.equal(failed.length, 5);
    assert.match(lines.at(-1) ?? '', /: 5 failed$/);
  });

  it('skips disabled configurations and looks at the vendor’s default key once', async (t) => {
    const { doctor } = await patient(t, {
      tenants: `tenants:\n  one: {}\n  two: {}\n${tenant('acme', key('acme-1', 'state: disabled'))}vendor:\n  keys:\n    - ${key('vendor-1')}\n`,
      stores: ['vendor-1'],
    });
    const { exitCode, lines } = await doctor();
    assert.equal(exitCode, 0, lines.join('\n'));
    assertLine(lines, /^skip {2}key acme-1 of acme: disabled in the configuration$/);
    assertLine(lines, /^warn {2}tenant acme: has no primary key: it can decrypt but not encrypt/);
    assert.equal(lines.filter((line) => line.includes("vendor's default key vendor-1")).length, 1);
    assert.match(lines.at(-1) ?? '', /nothing fails, 1 to look at, 1 skipped$/);
  });

  it('refuses a key below the custody that the tenant asks for', async (t) => {
    const { doctor } = await patient(t, {
      tenants: `tenants:\n${tenant('acme', key('acme-1'))}    minimumCustody: customer\n`,
      stores: ['acme-1'],
    });
    const { exitCode, failed } = await doctor();
    assert.equal(exitCode, 1);
    assertLine(failed, /^FAIL {2}tenant acme: key acme-1 is in local custody, and minimumCustody is customer/);
  });

  const brokenDaemon = [
    { name: 'broken YAML', daemon: 'listen: [\n', want: /^FAIL {2}configuration: keyside\.yaml:\d+:\d+: / },
    {
      name: 'an unknown setting',
      daemon: `${LISTEN}tenants: t\nlimit: 1\n`,
      want: /^FAIL {2}configuration: keyside\.yaml:3:1: limit: is not a known key$/,
    },
    {
      name: 'a routable address without TLS',
      daemon: 'listen: { tcp: 0.0.0.0:1 }\ntenants: t\n',
      want: /listen\.tcp: can be reached from other machines/,
    },
  ];
  for (const { name, daemon, want } of brokenDaemon) {
    it(`points at ${name} in the configuration file`, async (t) => {
      const { doctor } = await patient(t, { daemon, tenants: 'tenants: {}\n' });
      const { exitCode, failed } = await doctor();
      assert.equal(exitCode, 1);
      assertLine(failed, want);
    });
  }

  it('says which configuration file is missing, and where it looks', async (t) => {
    const { exitCode, stdout } = await run(['doctor'], {
      environment: { KEYSIDE_CONFIG: join(temporaryDirectory(t), 'none.yaml') },
    });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^FAIL {2}configuration: \S+\/none\.yaml: cannot be read: no such file/);
  });

  it('points at every fault of the tenants files, and still probes the tenants of the others', async (t) => {
    const folder = temporaryDirectory(t);
    mkdirSync(join(folder, 'tenants'));
    mkdirSync(join(folder, 'keys'), { mode: 0o700 });
    writeFileSync(join(folder, 'keyside.yaml'), `${LISTEN}tenants: tenants\n`);
    writeFileSync(
      join(folder, 'tenants/good.yaml'),
      'tenants:\n  acme:\n    keys: [{ id: acme-1, provider: local, state: primary, local: { storeFile: ../keys/acme-1.json } }]\n',
    );
    writeFileSync(
      join(folder, 'tenants/bad.yaml'),
      'tenants:\n  globex:\n    keys: [{ id: g, provider: abacus }]\n  initech: { keys: 1 }\n',
    );
    await run(['local-kms', 'create', 'acme-1', '--dir', join(folder, 'keys')]);
    const { exitCode, stdout } = await run(['doctor', '--state-dir', folder]);
    assert.equal(exitCode, 1);
    const lines = stdout.split('\n');
    assertLine(lines, /^FAIL {2}tenants: \S+bad\.yaml:3:\d+: tenants\.globex\.keys\[0\]\.provider: must be local, aws, .*/);
    assertLine(lines, /^FAIL {2}tenants: \S+bad\.yaml:4:\d+: tenants\.initech\.keys: must be a list/);
    assertLine(lines, /^warn {2}tenants: 1 tenant in files without fault/);
    assertLine(lines, /^ok {4}key acme-1 of acme: /);
  });

  it('finds files that others may change or read', async (t) => {
    const { folder, doctor } = await patient(t, {
      daemon: `${LISTEN}tenants: tenants.yaml\ncallers:\n  - { id: app, tokenFile: app.token, tenants: ['*'], operations: ['*'] }\n  - { id: job, tokenFile: job.token, tenants: ['*'], operations: ['*'] }\n`,
      tenants: `tenants:\n${tenant('acme', key('acme-1'))}`,
      stores: ['acme-1'],
    });
    writeFileSync(join(folder, 'app.token'), 'token', { mode: 0o644 });
    chmodSync(join(folder, 'keyside.yaml'), 0o666);
    chmodSync(join(folder, 'tenants.yaml'), 0o646);
    const { failed } = await doctor();
    assertLine(failed, /^FAIL {2}configuration: keyside\.yaml has mode 0666: .*; chmod o-w keyside\.yaml$/);
    assertLine(failed, /^FAIL {2}tenants: tenants\.yaml has mode 0646: /);
    assertLine(failed, /^FAIL {2}token of caller app: app\.token has mode 0644: .*; chmod o-rwx app\.token$/);
    assertLine(failed, /^FAIL {2}token of caller job: job\.token does not exist; the daemon does not start without it$/);
    assert.equal(failed.length, 4);
  });

  it('looks at some tenants only where it is told which, and knows which there are not', async (t) => {
    const { folder, doctor } = await patient(t, {
      tenants: `tenants:\n${tenant('acme', key('acme-1'))}${tenant('globex', key('globex-1'))}`,
      stores: ['acme-1', 'globex-1'],
    });
    unlinkSync(join(folder, 'keys/globex-1.json'));
    assert.equal((await doctor('--tenant', 'acme')).exitCode, 0);
    const { exitCode, failed } = await doctor('--tenant', 'acme', '--tenant', 'initech');
    assert.deepEqual([exitCode, failed], [1, ['FAIL  tenant initech: no such tenant is configured']]);
  });

  it('prints one JSON object where a program reads it', async (t) => {
    const { doctor } = await patient(t, { tenants: `tenants:\n${tenant('acme', key('acme-1'))}` });
    const { exitCode, stdout } = await doctor('--json');
    assert.equal(exitCode, 1);
    const { findings, counts } = JSON.parse(stdout);
    assert.equal(counts.fail, 1);
    const [failed] = findings.filter((finding: { verdict: string }) => finding.verdict === 'fail');
    assert.deepEqual([failed.what, failed.reason], ['key acme-1 of acme', 'KEY_NOT_FOUND']);
    assert.match(failed.words, /^KEY_NOT_FOUND: /);
  });

  it('gives up on a KMS that does not answer, in the time it is given', async (t) => {
    const aws = `{ id: acme-1, provider: aws, state: primary, aws: { keyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab', endpoint: 'http://127.0.0.1:9', credentials: { source: file, file: credentials } } }`;
    const { folder, doctor } = await patient(t, { tenants: `tenants:\n${tenant('acme', aws)}` });
    writeFileSync(join(folder, 'credentials'), '[default]\naws_access_key_id = A\naws_secret_access_key = B\n', { mode: 0o600 });
    const { exitCode, failed } = await doctor('--timeout', '500ms');
    assert.equal(exitCode, 1);
    assertLine(
      failed,
      /^FAIL {2}key acme-1 of acme: KMS_(UNAVAILABLE|TIMEOUT): .*; may pass by itself, else for whoever runs the daemon: try again; where it lasts, /,
    );
  });
});
