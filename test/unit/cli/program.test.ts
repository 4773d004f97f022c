import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { run } from './fake-terminal.ts';

describe('the command line', () => {
  it('tells its version', async () => {
    const { exitCode, stdout } = await run(['--version']);
    assert.deepEqual([exitCode, stdout], [0, '9.8.7\n']);
  });

  it('lists its verbs', async () => {
    const { exitCode, stdout } = await run(['--help']);
    assert.equal(exitCode, 0);
    for (const verb of ['sidecar', 'injector', 'init', 'encrypt', 'decrypt', 'rewrap', 'local-kms', 'doctor'])
      assert.match(stdout, new RegExp(`^ {2}${verb} `, 'm'));
  });

  const wrong: readonly { readonly name: string; readonly args: readonly string[]; readonly want: RegExp }[] = [
    { name: 'no verb', args: [], want: /Usage: keyside/ },
    { name: 'an unknown verb', args: ['frobnicate'], want: /unknown command 'frobnicate'/ },
    { name: 'an unknown option', args: ['encrypt', '--tenant', 'a', '--frob'], want: /unknown option '--frob'/ },
    {
      name: 'encrypt without a tenant',
      args: ['encrypt', '--field', 'a=b'],
      want: /required option '--tenant <id>' not specified/,
    },
    { name: 'a time that is none', args: ['decrypt', '--timeout', 'soon'], want: /It must be a time such as/ },
    { name: 'a context without =', args: ['encrypt', '--tenant', 'a', '--context', 'x'], want: /It must be key=value/ },
    {
      name: 'a context key given twice',
      args: ['encrypt', '--tenant', 'a', '--context', 'x=1', '--context', 'x=2'],
      want: /"x" is given twice/,
    },
    { name: 'too many arguments', args: ['decrypt', 'a', 'b'], want: /too many arguments/ },
    {
      name: 'an address of another machine without TLS',
      args: ['encrypt', '--tenant', 'a', '--field', 'a=b', '--address', 'example.com:7460'],
      want: /example\.com is not this machine/,
    },
    {
      name: 'half of the TLS files',
      args: ['encrypt', '--tenant', 'a', '--field', 'a=b', '--ca-file', 'x'],
      want: /--ca-file, --cert-file and --key-file/,
    },
    { name: '--force without --output-dir', args: ['decrypt', '--force'], want: /--force is for --output-dir/ },
    { name: '--base64 with --output-dir', args: ['decrypt', '--base64', '--output-dir', 'x'], want: /leave --base64 out/ },
    { name: 'a key name that leads out of the folder', args: ['local-kms', 'create', '../x'], want: /the name of a key/ },
  ];
  for (const { name, args, want } of wrong) {
    it(`ends in 2 for ${name}`, async () => {
      const { exitCode, stdout, stderr } = await run(args);
      assert.match(stderr, want);
      assert.deepEqual([exitCode, stdout], [2, '']);
    });
  }

  it('ends in 2 where it would wait for a person to type a document', async () => {
    const { exitCode, stderr } = await run(['decrypt'], { isTyped: true });
    assert.deepEqual([exitCode, stderr], [2, 'error: nothing to read: name a file, or pipe the input in\n']);
  });

  it('asks for a tenant where neither options nor document name one', async () => {
    const { exitCode, stderr } = await run(['decrypt'], { input: '{"edek":"S0Q="}' });
    assert.deepEqual([exitCode, stderr], [2, 'error: the document names no tenant: give --tenant\n']);
  });

  it('ends in 1 for a document that is no JSON, and quotes nothing of it', async () => {
    const { exitCode, stderr } = await run(['decrypt'], { input: 's3cret' });
    assert.deepEqual([exitCode, stderr], [1, 'REQUEST_INVALID: the document is not JSON\n']);
  });

  it('says where no daemon answers, and how to start one', async () => {
    const { exitCode, stderr } = await run([
      'encrypt',
      '--tenant',
      'a',
      '--field',
      'a=b',
      '--address',
      'unix:///nowhere/keyside.sock',
    ]);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^UNAVAILABLE: no daemon answers at unix:\/\/\/nowhere\/keyside\.sock \(there is no such socket\)\n.*keyside sidecar/,
    );
  });
});

describe('the sidecar verb', () => {
  const nothing = {
    tcp: undefined,
    http: undefined,
    unix: undefined,
    auditDir: undefined,
    auditMaxBytes: undefined,
    mintCaller: [],
  };
  const cases = [
    {
      name: 'starts with nothing but the state directory by default',
      args: [],
      environment: {},
      want: { ...nothing, config: undefined, stateDirectory: '.keyside' },
    },
    {
      name: 'takes file and directory from the environment',
      args: [],
      environment: { KEYSIDE_CONFIG: 'c.yaml', KEYSIDE_STATE_DIR: 'state' },
      want: { ...nothing, config: 'c.yaml', stateDirectory: 'state' },
    },
    {
      name: 'prefers its options',
      args: ['--config', 'd.yaml', '--state-dir', 'other', '--tcp', '127.0.0.1:1', '--http', '127.0.0.1:2', '--unix', '/s'],
      environment: { KEYSIDE_CONFIG: 'c.yaml', KEYSIDE_STATE_DIR: 'state' },
      want: {
        ...nothing,
        config: 'd.yaml',
        stateDirectory: 'other',
        tcp: '127.0.0.1:1',
        http: '127.0.0.1:2',
        unix: '/s',
      },
    },
    {
      name: "takes the audit trail's place and room, and callers as often as they are given",
      args: ['--audit-dir', '/a', '--audit-max-bytes', '9', '--mint-caller', '{"id":"a"}', '--mint-caller', '{"id":"b"}'],
      environment: {},
      want: {
        ...nothing,
        config: undefined,
        stateDirectory: '.keyside',
        auditDir: '/a',
        auditMaxBytes: '9',
        mintCaller: ['{"id":"a"}', '{"id":"b"}'],
      },
    },
  ];
  for (const { name, args, environment, want } of cases) {
    it(name, async () => {
      const { exitCode, sidecars } = await run(['sidecar', ...args], { environment });
      assert.equal(exitCode, 0);
      assert.deepEqual(sidecars, [want]);
    });
  }
});

describe('the injector verb', () => {
  it('takes its file from --config, else from KEYSIDE_INJECTOR_CONFIG', async () => {
    const environment = { KEYSIDE_INJECTOR_CONFIG: '/etc/a.yaml', KEYSIDE_CONFIG: '/etc/keyside.yaml' };
    const [byVariable, byFlag] = await Promise.all([
      run(['injector'], { environment }),
      run(['injector', '--config', 'b.yaml'], { environment }),
    ]);
    assert.deepEqual([byVariable.exitCode, byVariable.injectors], [0, [{ config: '/etc/a.yaml' }]]);
    assert.deepEqual([byFlag.exitCode, byFlag.injectors], [0, [{ config: 'b.yaml' }]]);
  });

  it('is refused where neither names one', async () => {
    const { exitCode, stderr, injectors } = await run(['injector'], { environment: { KEYSIDE_CONFIG: '/etc/keyside.yaml' } });
    assert.deepEqual([exitCode, injectors], [2, []]);
    assert.match(stderr, /--config <file>/);
  });
});
