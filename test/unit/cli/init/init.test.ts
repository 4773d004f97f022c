import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loadDaemonConfig } from '../../../../src/config/daemon-config.ts';
import { readOriginKeys } from '../../../../src/config/origin-keys.ts';
import { CONFIGURED_PROVIDERS } from '../../../../src/config/provider-settings.ts';
import { parseTenantsFile } from '../../../../src/config/tenants-file.ts';
import { run } from '../fake-terminal.ts';

describe('init', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyside-init-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const init = (...args: readonly string[]) => run(['init', ...args]);
  const modeOf = (path: string): number => lstatSync(join(folder, path)).mode & 0o777;
  const filesBelow = (directory: string): string[] =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();

  const readTenants = (text: string) => {
    const result = parseTenantsFile(text, join(folder, 'tenants/example.yaml'));
    assert.ok('parsed' in result, JSON.stringify(result));
    return result.parsed.tenants;
  };

  for (const provider of CONFIGURED_PROVIDERS) {
    it(`writes a configuration without fault for provider ${provider}`, async () => {
      const { exitCode, stderr } = await init(folder, '--provider', provider);
      assert.deepEqual([exitCode, stderr], [0, '']);
      const config = loadDaemonConfig(join(folder, 'keyside.yaml'));
      assert.equal(config.tenantsPath, join(folder, 'tenants'));
      assert.deepEqual([...(config.callers[0]?.tenants ?? [])], ['example']);
      const [tenant, ...others] = readTenants(readFileSync(join(folder, 'tenants/example.yaml'), 'utf8'));
      assert.deepEqual(others, []);
      assert.equal(tenant?.id, 'example');
      assert.deepEqual(
        tenant.keys.map(({ id, provider, state }) => [id, provider, state]),
        [['example-1', provider, 'primary']],
      );
    });

    it(`writes no setting behind # for provider ${provider} that would be a fault`, async () => {
      await init(folder, '--provider', provider);
      for (const file of ['keyside.yaml', 'tenants/example.yaml'].map((name) => join(folder, name))) {
        const text = readFileSync(file, 'utf8').replaceAll(/^( *)#(?=\S)/gm, '$1');
        if (file.endsWith('example.yaml')) readTenants(text);
        else writeFileSync(file, text);
      }
      assert.equal(loadDaemonConfig(join(folder, 'keyside.yaml')).limits.maxDocumentBytes, 3 * 2 ** 20);
    });
  }

  it('makes secrets of its own with every call, for their owner alone', async () => {
    await init(join(folder, 'a'));
    await init(join(folder, 'b'));
    for (const name of ['secrets/origin-key', 'secrets/app-token', 'keys/example.json']) {
      const [one, other] = ['a', 'b'].map((each) => readFileSync(join(folder, each, name), 'utf8'));
      assert.notEqual(one, other);
      assert.equal(modeOf(join('a', name)), 0o600);
    }
    for (const name of ['a', 'a/secrets', 'a/keys', 'a/tenants']) assert.equal(modeOf(name), 0o700);
    const [key] = readOriginKeys([join(folder, 'a/secrets/origin-key')]);
    assert.equal(key?.length, 32);
    assert.match(readFileSync(join(folder, 'a/secrets/app-token'), 'utf8'), /^[A-Za-z0-9_-]{43}\n$/);
  });

  it('names every file it made, and what to do next, and shows no secret', async () => {
    const { stdout } = await init(folder, '--provider', 'vault');
    for (const file of filesBelow(folder)) assert.ok(stdout.includes(`made ${file}: `), file);
    for (const name of ['origin-key', 'app-token']) {
      assert.ok(!stdout.includes(readFileSync(join(folder, 'secrets', name), 'utf8').trim()));
    }
    assert.match(stdout, /^ {2}2\. put the AppRole's role id into \S+\/secrets\/vault-role-id, mode 0600$/m);
    assert.match(stdout, /keyside doctor --config \S+\/keyside\.yaml$/m);
    assert.match(stdout, /docs\/providers\/vault\.md/);
  });

  it('makes a software key for provider local only', async () => {
    await init(folder, '--provider', 'gcp');
    assert.deepEqual(
      filesBelow(folder).map((file) => file.slice(folder.length + 1)),
      ['keyside.yaml', 'secrets/app-token', 'secrets/origin-key', 'tenants/example.yaml'],
    );
  });

  const written = ['keyside.yaml', 'tenants/example.yaml', 'keys/example.json', 'secrets/origin-key', 'secrets/app-token'];
  for (const name of written) {
    it(`writes nothing where ${name} is there already, and names it`, async () => {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), 'mine');
      const { exitCode, stdout, stderr } = await init(folder);
      assert.deepEqual([exitCode, stdout], [1, '']);
      assert.equal(stderr, `REQUEST_INVALID: ${join(folder, name)}: exists already; nothing was written\n`);
      assert.deepEqual(filesBelow(folder), [join(folder, name)]);
      assert.equal(readFileSync(join(folder, name), 'utf8'), 'mine');
    });
  }

  it('follows no link in the place of a file', async () => {
    mkdirSync(join(folder, 'secrets'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'secrets/app-token'));
    const { exitCode, stderr } = await init(folder);
    assert.equal(exitCode, 1);
    assert.match(stderr, /app-token: exists already/);
    assert.deepEqual(filesBelow(folder), [join(folder, 'secrets/app-token')]);
  });

  it('says which file cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const { exitCode, stderr } = await init(join(folder, 'file'), '--provider', 'aws');
    assert.deepEqual([exitCode, stderr], [1, `REQUEST_INVALID: ${folder}/file/secrets/origin-key cannot be written: ENOTDIR\n`]);
  });

  it('writes into the state directory where no folder is named, which the daemon reads by itself', async () => {
    const { exitCode } = await run(['init'], { environment: { KEYSIDE_STATE_DIR: join(folder, 'state') } });
    assert.equal(exitCode, 0);
    assert.ok(loadDaemonConfig(join(folder, 'state/keyside.yaml')));
  });

  it('quotes what a shell would take apart in the commands to copy', async () => {
    const { stdout } = await init(join(folder, "a b'c"));
    assert.ok(stdout.includes(`keyside sidecar --config '${folder}/a b'\\''c/keyside.yaml'\n`));
  });

  it('knows no other providers', async () => {
    const { exitCode, stderr } = await init(folder, '--provider', 'abacus');
    assert.equal(exitCode, 2);
    assert.match(stderr, /Allowed choices are local, aws, azure, gcp, kmip, pkcs11, vault\./);
  });
});
