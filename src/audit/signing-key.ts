import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const KEY_FILE = 'signing-key.pem';
const PUBLIC_FILE = 'signing-key.pub.pem';
const OWNER_ONLY = 0o600;
const READABLE = 0o644;

/** An Ed25519 key that checkpoints are checked with. */
export class VerificationKey {
  /** First 16 hexadecimal digits of SHA-256 over its SPKI DER. */
  readonly id: string;
  /** Its 32 bytes, in base64url: `x` of a JWK. */
  readonly raw: string;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.id = hash('sha256', key.export({ type: 'spki', format: 'der' }), 'hex').slice(0, 16);
    this.raw = key.export({ format: 'jwk' }).x as string;
  }

  /** @throws {Error} where it is no Ed25519 key */
  static of(key: KeyObject): VerificationKey {
    if (key.asymmetricKeyType !== 'ed25519')
      throw new Error(`an Ed25519 key is needed, this is ${key.asymmetricKeyType ?? key.type}`);
    return new VerificationKey(key);
  }

  /** @throws {Error} where these are not the 32 bytes of one */
  static fromRaw(raw: string): VerificationKey {
    return VerificationKey.of(createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw }, format: 'jwk' }));
  }

  get pem(): string {
    return this.#key.export({ type: 'spki', format: 'pem' }).toString();
  }

  verifies(message: string, signature: Uint8Array): boolean {
    return verify(null, Buffer.from(message), this.#key, signature);
  }
}

const PEM_BLOCK = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/**
 * All public keys of a PEM text, e.g. several sidecars' `signing-key.pub.pem` in one file.
 * @throws {Error} where there is none, or one that is no Ed25519 public key
 */
export function readPublicKeys(pem: string): readonly VerificationKey[] {
  const blocks = [...pem.matchAll(PEM_BLOCK)];
  if (blocks.length === 0) throw new Error('there is no PEM public key in it');
  return blocks.map(([block, label]) => {
    if (label !== 'PUBLIC KEY') throw new Error(`only public keys may stand in it, not a ${label}`);
    return VerificationKey.of(createPublicKey(block));
  });
}

/** A sidecar's Ed25519 key, with which it signs checkpoints. */
export class SigningKey {
  readonly public: VerificationKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    this.#key = key;
    this.public = VerificationKey.of(createPublicKey(key));
  }

  static generate(): SigningKey {
    return new SigningKey(generateKeyPairSync('ed25519').privateKey);
  }

  /**
   * The key in a file of the operator's.
   * @throws {Error} naming the file, where it is missing or holds no Ed25519 private key in PEM
   */
  static async read(file: string): Promise<SigningKey> {
    const pem = await readFile(file);
    try {
      return SigningKey.parse(pem);
    } catch (cause) {
      throw new Error(`${file} is no Ed25519 private key in PEM`, { cause });
    }
  }

  /** @throws {Error} where it is no Ed25519 private key in PEM */
  static parse(pem: string | Buffer): SigningKey {
    return new SigningKey(createPrivateKey(pem));
  }

  /**
   * The key of a spool's directory, made where there is none: `signing-key.pem` (mode 0600) and, beside it, `signing-key.pub.pem`.
   * Both are durable when this resolves. Precondition: no other process does the same in this directory.
   */
  static async inDirectory(directory: string): Promise<SigningKey> {
    const file = join(directory, KEY_FILE);
    const key = await SigningKey.read(file).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      const made = SigningKey.generate();
      await writeDurably(file, made.#key.export({ type: 'pkcs8', format: 'pem' }).toString(), OWNER_ONLY);
      return made;
    });
    await key.publish(directory);
    return key;
  }

  /** Puts the public key into a directory, for whoever verifies. */
  async publish(directory: string): Promise<void> {
    const file = join(directory, PUBLIC_FILE);
    const present = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return '';
    });
    if (present !== this.public.pem) await writeDurably(file, this.public.pem, READABLE);
  }

  sign(message: string): Buffer {
    return sign(null, Buffer.from(message), this.#key);
  }
}

/** Writes a file beside the name and puts it there, so that a crash leaves the old file, the new one or none, never half of one. */
async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  const folder = await open(dirname(file), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
