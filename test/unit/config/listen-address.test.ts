import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, parseListenAddress } from '../../../src/config/listen-address.ts';

const ADDRESSES = [
  { text: '127.0.0.1:7460', host: '127.0.0.1', port: 7460, loopback: true },
  { text: '127.9.9.9:1', host: '127.9.9.9', port: 1, loopback: true },
  { text: '[::1]:7460', host: '::1', port: 7460, loopback: true },
  { text: 'LocalHost:0', host: 'LocalHost', port: 0, loopback: true },
  { text: '0.0.0.0:7460', host: '0.0.0.0', port: 7460, loopback: false },
  { text: '[::]:7460', host: '::', port: 7460, loopback: false },
  { text: '[::ffff:127.0.0.1]:1', host: '::ffff:127.0.0.1', port: 1, loopback: false },
  { text: '10.0.0.1:65535', host: '10.0.0.1', port: 65535, loopback: false },
  { text: '127.1:7460', host: '127.1', port: 7460, loopback: false },
  { text: '127.0.0.1.example.com:1', host: '127.0.0.1.example.com', port: 1, loopback: false },
  { text: 'localhost.example.com:1', host: 'localhost.example.com', port: 1, loopback: false },
];

for (const { text, host, port, loopback } of ADDRESSES) {
  test(`${text} is ${loopback ? 'loopback' : 'reachable from other machines'}`, () => {
    const address = parseListenAddress(text) ?? assert.fail();
    assert.deepEqual(address, { host, port });
    assert.equal(isLoopback(address), loopback);
  });
}

for (const text of [
  '',
  '7460',
  ':7460',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '::1:7460',
  'a b:1',
  'http://a:1',
]) {
  test(`${JSON.stringify(text)} is no address to listen on`, () => assert.equal(parseListenAddress(text), undefined));
}
