import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { ConfigurationError } from '../../../src/config/fault.ts';

const FILE = '/etc/keyside/keyside.yaml';
const TEXT = "tenants: t\ncallers:\n  - { id: ops, tokenFile: ops, tenants: ['*'], operations: ['*'] }\n";
const APP = { id: 'app', tokenFile: '/run/keyside-tokens/app/token', tenants: ['acme'], operations: ['encrypt', 'decrypt'] };

test("the command line's callers come after those of the file, and are marked as minted", () => {
  const { callers } = parseDaemonConfig(TEXT, FILE, [JSON.stringify(APP)]);
  assert.deepEqual(callers, [
    { id: 'ops', tokenFile: '/etc/keyside/ops', tenants: undefined, operations: undefined, isMinted: false },
    {
      id: 'app',
      tokenFile: '/run/keyside-tokens/app/token',
      tenants: new Set(['acme']),
      operations: new Set(['encrypt', 'decrypt']),
      isMinted: true,
    },
  ]);
});

for (const { name, minted, want } of [
  { name: 'a text that is no mapping', minted: ['app'], want: '--mint-caller:1:1: must be a mapping, not a text' },
  { name: 'half a JSON text', minted: ['{"id":"app"'], want: /^--mint-caller:1:\d+: / },
  {
    name: 'an operation that there is not',
    minted: [JSON.stringify({ ...APP, operations: ['export'] })],
    want: /^--mint-caller:1:\d+: operations\[0\]: must be encrypt, decrypt/,
  },
  {
    name: 'a key that there is not',
    minted: [JSON.stringify({ ...APP, token: 'x' })],
    want: /^--mint-caller:1:\d+: token: is not a known key$/,
  },
  {
    name: 'the id of a caller of the file',
    minted: [JSON.stringify({ ...APP, id: 'ops' })],
    want: /^--mint-caller:1:\d+: id: is the id of another caller$/,
  },
  {
    name: 'the id of a caller of the command line',
    minted: [JSON.stringify(APP), JSON.stringify(APP)],
    want: /^--mint-caller:1:\d+: id: is the id of another caller$/,
  },
  {
    name: 'the id of callers without a token',
    minted: [JSON.stringify({ ...APP, id: 'anonymous' })],
    want: /^--mint-caller:1:\d+: id: is taken/,
  },
  {
    name: 'tenants beside all of them',
    minted: [JSON.stringify({ ...APP, tenants: ['*', 'acme'] })],
    want: /^--mint-caller:1:\d+: tenants: names others beside \*/,
  },
]) {
  test(`${name} is refused`, () => {
    assert.throws(
      () => parseDaemonConfig(TEXT, FILE, minted),
      (error) => {
        assert.ok(error instanceof ConfigurationError);
        if (typeof want === 'string') assert.equal(error.message, want);
        else assert.match(error.message, want);
        return true;
      },
    );
  });
}
