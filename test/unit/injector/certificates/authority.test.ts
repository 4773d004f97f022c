import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connect, createServer, type PeerCertificate } from 'node:tls';
import { Authority, type PemPair } from '../../../../src/injector/certificates/authority.ts';
import { temporaryDirectory } from '../../../integration/daemon-process.ts';

const NOW_MS = Date.now();
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NAMES = ['keyside-injector.keyside.svc', 'keyside-injector.keyside.svc.cluster.local'];

function made({ nowMs = NOW_MS, dnsNames = NAMES } = {}): { authority: PemPair; serving: PemPair } {
  const { authority, pair } = Authority.make({ nowMs, lifetimeMs: 365 * DAY_MS });
  return { authority: pair, serving: authority.issue({ nowMs, lifetimeMs: 30 * DAY_MS, dnsNames }) };
}

function hasOpenssl(t: TestContext): boolean {
  const { error } = spawnSync('openssl', ['version']);
  if (error !== undefined) t.skip('openssl is not installed');
  return error === undefined;
}

describe('an authority', () => {
  it('signs certificates that OpenSSL takes for a TLS server, by the strict rules of RFC 5280', (t) => {
    if (!hasOpenssl(t)) return;
    const directory = temporaryDirectory(t);
    const { authority, serving } = made();
    const [ca, leaf] = [join(directory, 'ca.pem'), join(directory, 'leaf.pem')];
    writeFileSync(ca, authority.certificate);
    writeFileSync(leaf, serving.certificate);
    for (const name of NAMES) {
      const flags = ['-x509_strict', '-check_ss_sig', '-policy_check', '-purpose', 'sslserver', '-verify_hostname', name];
      assert.equal(execFileSync('openssl', ['verify', ...flags, '-CAfile', ca, leaf], { encoding: 'utf8' }), `${leaf}: OK\n`);
    }
    const strange = spawnSync('openssl', ['verify', '-verify_hostname', 'other.keyside.svc', '-CAfile', ca, leaf]);
    assert.notEqual(strange.status, 0);
  });

  it('writes the extensions that each kind of certificate must have, the critical ones marked', (t) => {
    if (!hasOpenssl(t)) return;
    const { authority, serving } = made();
    const text = (pem: string) => execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem, encoding: 'utf8' });
    const [ofAuthority, ofServer] = [text(authority.certificate), text(serving.certificate)];
    assert.match(ofAuthority, /Basic Constraints: critical\s+CA:TRUE, pathlen:0\s/);
    assert.match(ofAuthority, /Key Usage: critical\s+Certificate Sign\n/);
    assert.match(ofServer, /Basic Constraints: critical\s+CA:FALSE\s/);
    assert.match(ofServer, /Key Usage: critical\s+Digital Signature\n/);
    assert.match(ofServer, /Extended Key Usage: \s+TLS Web Server Authentication\n/);
    assert.match(
      ofServer,
      /Subject Alternative Name: \s+DNS:keyside-injector\.keyside\.svc, DNS:keyside-injector\.keyside\.svc\.cluster\.local\n/,
    );
    const identifier = (name: string, of: string) =>
      new RegExp(`${name} Key Identifier: \\s+(?:keyid:)?([0-9A-F:]{59})\\n`).exec(of)?.[1];
    assert.ok(identifier('Subject', ofAuthority));
    assert.equal(identifier('Authority', ofServer), identifier('Subject', ofAuthority));
    assert.equal(identifier('Authority', ofAuthority), identifier('Subject', ofAuthority));
    assert.notEqual(identifier('Subject', ofServer), identifier('Subject', ofAuthority));
  });

  it('proves a server to whoever trusts it alone', async (t) => {
    const { authority, serving } = made();
    const server = createServer({ cert: serving.certificate, key: serving.privateKey, minVersion: 'TLSv1.3' }).listen(
      0,
      '127.0.0.1',
    );
    t.after(() => server.close());
    await once(server, 'listening');
    const handshake = async (ca: string, servername: string): Promise<PeerCertificate> => {
      const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ca, servername });
      try {
        await once(socket, 'secureConnect');
        return socket.getPeerCertificate();
      } finally {
        socket.destroy();
      }
    };
    const peer = await handshake(authority.certificate, NAMES[0] as string);
    assert.equal(peer.fingerprint256, new X509Certificate(serving.certificate).fingerprint256);
    await assert.rejects(handshake(made().authority.certificate, NAMES[0] as string), {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    await assert.rejects(handshake(authority.certificate, 'other.svc'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('is good from a while before now, for clocks that are behind, and to the end of its lifetime', () => {
    const { authority, serving } = made();
    const [ca, leaf] = [new X509Certificate(authority.certificate), new X509Certificate(serving.certificate)];
    const toSecond = (ms: number) => Math.floor(ms / 1000) * 1000;
    assert.equal(leaf.validFromDate.getTime(), toSecond(NOW_MS - 5 * MINUTE_MS));
    assert.equal(leaf.validToDate.getTime(), toSecond(NOW_MS + 30 * DAY_MS));
    assert.equal(ca.validToDate.getTime(), toSecond(NOW_MS + 365 * DAY_MS));
    const { authority: brief } = Authority.make({ nowMs: NOW_MS, lifetimeMs: 10_000 });
    assert.equal(brief.certificate.validFromDate.getTime(), toSecond(NOW_MS - 1_000));
  });

  it('signs nothing that outlives it', () => {
    const { authority } = Authority.make({ nowMs: NOW_MS, lifetimeMs: DAY_MS });
    const serving = authority.issue({ nowMs: NOW_MS + DAY_MS / 2, lifetimeMs: DAY_MS, dnsNames: NAMES });
    assert.deepEqual(new X509Certificate(serving.certificate).validToDate, authority.certificate.validToDate);
  });

  it('says years from 2050 on as RFC 5280 wants them', () => {
    const { authority } = Authority.make({ nowMs: Date.UTC(2049, 11, 1), lifetimeMs: 60 * DAY_MS });
    assert.deepEqual(
      [authority.certificate.validFromDate.getUTCFullYear(), authority.certificate.validToDate.toISOString()],
      [2049, '2050-01-30T00:00:00.000Z'],
    );
  });

  it('has a name, a key and a serial of its own, and gives each certificate the like', () => {
    const all = Array.from({ length: 50 }, () => made()).flatMap(({ authority, serving }) => [authority, serving]);
    const certificates = all.map(({ certificate }) => new X509Certificate(certificate));
    assert.equal(new Set(certificates.map(({ serialNumber }) => serialNumber)).size, 100);
    assert.equal(
      new Set(certificates.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' }).toString('hex'))).size,
      100,
    );
    assert.equal(new Set(certificates.filter(({ ca }) => ca).map(({ subject }) => subject)).size, 50);
    for (const { serialNumber } of certificates) assert.match(serialNumber, /^[4-7][0-9A-F]{31}$/);
  });

  it('is read back from what it was written to, and signs on', () => {
    const { pair } = Authority.make({ nowMs: NOW_MS, lifetimeMs: DAY_MS });
    const again = new Authority(pair);
    const leaf = new X509Certificate(again.issue({ nowMs: NOW_MS, lifetimeMs: DAY_MS, dnsNames: NAMES }).certificate);
    assert.ok(leaf.verify(createPublicKey(pair.certificate)));
  });

  it("is refused with another's key, and where the certificate is a server's", () => {
    const [{ authority, serving }, other] = [made(), made()];
    assert.throws(
      () => new Authority({ ...authority, privateKey: other.authority.privateKey }),
      /the private key is not of this certificate/,
    );
    assert.throws(() => new Authority(serving), /the certificate is not of an authority/);
    assert.throws(() => new Authority({ ...authority, privateKey: 'none' }));
  });
});
