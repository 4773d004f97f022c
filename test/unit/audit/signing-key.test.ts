import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readPublicKeys, SigningKey, VerificationKey } from '../../../src/audit/signing-key.ts';

describe('the signing key', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyside-signing-'));
  });

  after(() => rm(directory, { recursive: true }));

  it('is made once, readable by its owner alone, with its public half beside it', async () => {
    const made = await SigningKey.inDirectory(directory);
    const again = await SigningKey.inDirectory(directory);
    assert.equal(again.public.id, made.public.id);
    assert.equal((await stat(join(directory, 'signing-key.pem'))).mode & 0o777, 0o600);
    const [published] = readPublicKeys(await readFile(join(directory, 'signing-key.pub.pem'), 'utf8'));
    assert.deepEqual([published?.id, published?.raw], [made.public.id, made.public.raw]);
  });

  it('signs what others verify', async () => {
    const key = await SigningKey.inDirectory(directory);
    const signature = key.sign('statement');
    const published = createPublicKey(await readFile(join(directory, 'signing-key.pub.pem')));
    assert.ok(verify(null, Buffer.from('statement'), published, signature));
    assert.ok(VerificationKey.fromRaw(key.public.raw).verifies('statement', signature));
    assert.ok(!key.public.verifies('statement.', signature));
  });

  it('has an id of 16 hexadecimal digits', () => {
    assert.match(SigningKey.generate().public.id, /^[0-9a-f]{16}$/);
  });

  it('is refused where the file holds another kind of key, or none', async () => {
    const file = join(directory, 'other.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await assert.rejects(SigningKey.read(file), /other\.pem is no Ed25519 private key in PEM/);
    await writeFile(file, 'nothing');
    await assert.rejects(SigningKey.read(file), /other\.pem is no Ed25519 private key in PEM/);
    await assert.rejects(SigningKey.read(join(directory, 'missing.pem')), { code: 'ENOENT' });
  });

  it('several public keys may stand in one file, and private ones may not', () => {
    const keys = [SigningKey.generate(), SigningKey.generate()];
    const read = readPublicKeys(keys.map(({ public: { pem } }) => pem).join('# the second sidecar\n'));
    assert.deepEqual(
      read.map(({ id }) => id),
      keys.map(({ public: { id } }) => id),
    );
    const { privateKey } = generateKeyPairSync('ed25519');
    assert.throws(
      () => readPublicKeys(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
      /only public keys may stand in it, not a PRIVATE KEY/,
    );
    assert.throws(() => readPublicKeys(''), /there is no PEM public key in it/);
  });
});
