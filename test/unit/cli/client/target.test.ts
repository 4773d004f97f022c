import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTarget } from '../../../../clients/typescript/src/target.ts';

const NO_FILES = { caFile: '/none/ca', certFile: '/none/cert', keyFile: '/none/key' };

describe('an address', () => {
  const accepted: readonly { readonly address: string; readonly uri: string }[] = [
    { address: '127.0.0.1:7460', uri: 'dns:127.0.0.1:7460' },
    { address: '127.9.9.9:1', uri: 'dns:127.9.9.9:1' },
    { address: 'localhost:65535', uri: 'dns:localhost:65535' },
    { address: '[::1]:7460', uri: 'dns:[::1]:7460' },
    { address: '[0:0:0:0:0:0:0:1]:7460', uri: 'dns:[0:0:0:0:0:0:0:1]:7460' },
    { address: 'unix:///run/keyside/keyside.sock', uri: 'unix:///run/keyside/keyside.sock' },
    { address: 'unix:relative.sock', uri: 'unix:relative.sock' },
  ];
  for (const { address, uri } of accepted) {
    it(`of this machine needs no TLS: ${address}`, () => {
      const target = parseTarget(address, undefined);
      assert.equal(target.uri, uri);
      assert.equal(target.credentials._isSecure(), false);
    });
  }

  for (const address of [
    '10.0.0.1:7460',
    'keyside.default.svc:7460',
    '[2001:db8::1]:7460',
    '0.0.0.0:7460',
    '[::]:7460',
    '128.0.0.1:1',
    'localhost.example.com:1',
    '127.0.0.1.example.com:1',
    '[::ffff:10.0.0.1]:1',
  ]) {
    it(`of another machine is refused without TLS: ${address}`, () => {
      assert.throws(() => parseTarget(address, undefined), /is not this machine: TLS files are needed/);
    });
  }

  for (const address of [
    '',
    '7460',
    'localhost',
    ':7460',
    'localhost:0',
    'localhost:65536',
    'localhost:http',
    'http://localhost:7460',
    '::1:7460',
    'a b:1',
    'dns:localhost:7460',
    'unix:',
    'localhost:7460/x',
  ]) {
    it(`is refused where it has another form: ${JSON.stringify(address)}`, () => {
      assert.throws(() => parseTarget(address, undefined), {
        name: 'TypeError',
        message: /must be unix:\/\/\/path or host:port/,
      });
    });
  }

  it('with TLS files that cannot be read is refused, never spoken to in clear', () => {
    assert.throws(() => parseTarget('127.0.0.1:7460', NO_FILES), /ENOENT/);
  });

  it('of a Unix socket takes no TLS files', () => {
    assert.throws(() => parseTarget('unix:///x', NO_FILES), TypeError);
  });
});
