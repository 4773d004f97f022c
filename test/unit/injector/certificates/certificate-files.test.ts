import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Authority, type PemPair } from '../../../../src/injector/certificates/authority.ts';
import { CertificateFiles } from '../../../../src/injector/certificates/certificate-files.ts';
import type { ServingCertificate } from '../../../../src/injector/certificates/trust.ts';
import { temporaryDirectory } from '../../../integration/daemon-process.ts';
import { KeptLog } from './samples.ts';

const START_MS = Date.now();
const DAY_MS = 86_400_000;

function pair(): PemPair {
  const { authority } = Authority.make({ nowMs: START_MS, lifetimeMs: DAY_MS });
  return authority.issue({ nowMs: START_MS, lifetimeMs: DAY_MS, dnsNames: ['injector.keyside.svc'] });
}

function setUp(t: TestContext) {
  const directory = temporaryDirectory(t);
  const [log, served, time] = [new KeptLog(), [] as ServingCertificate[], { nowMs: START_MS }];
  const files = new CertificateFiles({
    directory,
    wallMs: () => time.nowMs,
    logger: log,
    onCertificate: (serving) => served.push(serving),
  });
  const write = ({ certificate, privateKey }: Partial<PemPair>): void => {
    if (certificate !== undefined) writeFileSync(join(directory, 'tls.crt'), certificate);
    if (privateKey !== undefined) writeFileSync(join(directory, 'tls.key'), privateKey);
  };
  return { directory, files, log, served, time, write };
}

describe('certificates in files', () => {
  it('are taken when they are there, and again when they change', async (t) => {
    const { files, served, write } = setUp(t);
    await files.check();
    assert.deepEqual([files.isReady, served.length], [false, 0]);
    const [first, second] = [pair(), pair()];
    write(first);
    await files.check();
    await files.check();
    assert.equal(files.isReady, true);
    write(second);
    await files.check();
    assert.deepEqual(
      served.map(({ certificate, privateKey }) => ({ certificate, privateKey })),
      [first, second],
    );
  });

  it('are taken with a chain that changed', async (t) => {
    const { files, served, write } = setUp(t);
    const [own, other] = [pair(), pair()];
    write(own);
    await files.check();
    write({ certificate: own.certificate + other.certificate });
    await files.check();
    assert.equal(served.length, 2);
  });

  it('are not taken half written: what was there is served on, and the trouble told once', async (t) => {
    const { files, log, served, write } = setUp(t);
    write(pair());
    await files.check();
    const next = pair();
    write({ certificate: next.certificate });
    await files.check();
    await files.check();
    assert.deepEqual([served.length, files.isReady], [1, true]);
    assert.deepEqual(log.troubles, [
      'the files of the certificate cannot be taken: the private key is none, or not of the certificate',
    ]);
    write({ privateKey: next.privateKey });
    await files.check();
    assert.equal(served.at(-1)?.certificate, next.certificate);
    assert.equal(log.lines.at(-1)?.message, 'a trouble is over');
  });

  it('are served on where they are gone', async (t) => {
    const { directory, files, served, write } = setUp(t);
    write(pair());
    await files.check();
    rmSync(join(directory, 'tls.key'));
    await files.check();
    assert.deepEqual([served.length, files.isReady], [1, true]);
  });

  it('are no longer good when they have ended', async (t) => {
    const { files, time, write } = setUp(t);
    write(pair());
    await files.check();
    time.nowMs += DAY_MS;
    assert.equal(files.isReady, false);
  });
});
