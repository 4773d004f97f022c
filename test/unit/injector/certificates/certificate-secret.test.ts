import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Authority, type PemPair } from '../../../../src/injector/certificates/authority.ts';
import { bundleOf, readSecret, withState } from '../../../../src/injector/certificates/certificate-secret.ts';
import { secret } from './samples.ts';

const NOW_MS = Date.now();
const DAY_MS = 86_400_000;

function authority(): { authority: Authority; pair: PemPair } {
  return Authority.make({ nowMs: NOW_MS, lifetimeMs: DAY_MS });
}

function data(): Record<'ca.crt' | 'ca.key' | 'tls.crt' | 'tls.key', string> {
  const { authority: ca, pair } = authority();
  const serving = ca.issue({ nowMs: NOW_MS, lifetimeMs: DAY_MS, dnsNames: ['a.b.svc'] });
  return { 'ca.crt': pair.certificate, 'ca.key': pair.privateKey, 'tls.crt': serving.certificate, 'tls.key': serving.privateKey };
}

describe('the Secret of the certificates', () => {
  it('is empty as the chart makes it', () => {
    for (const made of [secret(), secret({}), { ...secret(), data: null }]) assert.deepEqual(readSecret(made), { kind: 'empty' });
  });

  it('is read back as it was written, and keeps what else it has', () => {
    const [written, before] = [data(), authority().pair.certificate];
    const content = readSecret(secret({ ...written, 'ca.crt': before + written['ca.crt'] }));
    assert.equal(content.kind, 'state');
    if (content.kind !== 'state') return;
    assert.equal(content.state.authorities.length, 2);
    assert.equal(bundleOf(content.state.authorities), before + written['ca.crt']);
    assert.equal(content.state.signer.certificate.toString(), written['ca.crt']);
    assert.deepEqual(withState(secret(), content.state), secret({ ...written, 'ca.crt': before + written['ca.crt'] }));
  });

  const whole = data();
  const { 'ca.key': _, ...ofCertManager } = data();
  const cases: readonly { name: string; data: Readonly<Record<string, string>>; why: RegExp }[] = [
    { name: 'what cert-manager wrote', data: ofCertManager, why: /^it lacks ca\.key$/ },
    {
      name: 'one with something beside',
      data: { ...whole, password: 'hunter2' },
      why: /^it holds what the injector did not write: password$/,
    },
    {
      name: "one whose certificate has another's key",
      data: { ...whole, 'tls.key': data()['tls.key'] },
      why: /^the private key is none, or not of the certificate$/,
    },
    {
      name: "one whose authority has another's key",
      data: { ...whole, 'ca.key': data()['ca.key'] },
      why: /^the private key is not of this certificate$/,
    },
    {
      name: 'one whose certificate is of another authority',
      data: { ...whole, 'tls.crt': data()['tls.crt'], 'tls.key': 'x' },
      why: /^the private key is none, or not of the certificate$/,
    },
    {
      name: 'one with parts of two',
      data: { ...whole, ...pick(data(), 'tls.crt', 'tls.key') },
      why: /^tls\.crt is of none of the authorities in ca\.crt$/,
    },
    { name: 'one without an authority', data: { ...whole, 'ca.crt': 'none' }, why: /^ca\.crt holds no certificate$/ },
    { name: 'one without a certificate', data: { ...whole, 'tls.crt': '' }, why: /^there is no certificate$/ },
    {
      name: 'one whose authority is a server',
      data: { ...whole, 'ca.crt': whole['tls.crt'], 'ca.key': whole['tls.key'] },
      why: /^the certificate is not of an authority$/,
    },
  ];
  for (const { name, data: held, why } of cases) {
    it(`is not usable: ${name}`, () => {
      const content = readSecret(secret(held));
      assert.equal(content.kind, 'unusable');
      assert.match(content.kind === 'unusable' ? content.why : '', why);
    });
  }

  it('is not usable where a certificate is cut off, and nothing of it is told', () => {
    const content = readSecret(secret({ ...whole, 'ca.crt': whole['ca.crt'].replace(/.{64}\n/, '') }));
    assert.equal(content.kind, 'unusable');
    for (const line of whole['ca.crt'].split('\n')) assert.ok(line === '' || !JSON.stringify(content).includes(line));
  });
});

function pick(from: Readonly<Record<string, string>>, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, from[name] as string]));
}
