import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTarget } from '../src/target.ts';

const NO_FILES = { caFile: '/none/ca', certFile: '/none/cert', keyFile: '/none/key' };

describe('an address', () => {
  const local = {
    '127.0.0.1:7460': 'ipv4:127.0.0.1:7460',
    '127.9.9.9:1': 'ipv4:127.9.9.9:1',
    'localhost:65535': 'ipv4:127.0.0.1:65535',
    'LocalHost:7460': 'ipv4:127.0.0.1:7460',
    '[::1]:7460': 'ipv6:[::1]:7460',
    '[0:0:0:0:0:0:0:1]:7460': 'ipv6:[0:0:0:0:0:0:0:1]:7460',
  };
  for (const [address, uri] of Object.entries(local)) {
    it(`of this machine needs no TLS, and is never asked of a resolver: ${address}`, () => {
      assert.equal(parseTarget(address, undefined).uri, uri);
    });
  }

  for (const address of ['unix:///run/keyside/keyside.sock', 'unix:/run/keyside.sock', 'unix:relative.sock']) {
    it(`of a Unix socket needs no TLS: ${address}`, () => {
      assert.equal(parseTarget(address, undefined).uri, address);
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
    'unix://host/path',
    'a@localhost:1',
    'localhost#:1',
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
