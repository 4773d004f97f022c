import { Buffer } from 'node:buffer';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { type TransitKeyFacts, transitKeyFacts } from './key-facts.ts';
import type { VaultSession } from './session.ts';
import { OddAnswer, VaultRefusal } from './vault-server.ts';

/** `vault:v3:` and base64 in its one canonical form. What is stored is the version and the bytes. */
const CIPHERTEXT = /^vault:v([1-9][0-9]{0,8}):((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export interface TransitWrap {
  /** Decimal. */
  readonly keyVersion: string;
  readonly ciphertext: Uint8Array;
}

/**
 * The three calls Keyside makes of one Transit key. Throws as `VaultSession.call`; `errors.ts` puts it into reasons. Texts that hold
 * a data key (JSON, base64) are strings of JavaScript and cannot be zeroed; their bytes are.
 */
export class TransitKey {
  readonly #session: VaultSession;
  readonly #mount: string;
  readonly #name: string;

  constructor(session: VaultSession, { mount, keyName }: { readonly mount: string; readonly keyName: string }) {
    this.#session = session;
    this.#mount = mount;
    this.#name = keyName;
  }

  /** `associatedData` is bound by the key's AEAD. `dataKey` stays the caller's. */
  async encrypt(dataKey: SecretBytes, associatedData: Uint8Array, signal: AbortSignal): Promise<TransitWrap> {
    const body = { plaintext: base64(dataKey.expose()), associated_data: base64(associatedData) };
    const { ciphertext, key_version: version } = await this.#post('encrypt', body, signal);
    const parts = typeof ciphertext === 'string' ? CIPHERTEXT.exec(ciphertext) : null;
    if (parts === null || String(version ?? parts[1]) !== parts[1])
      throw new OddAnswer('an answer to encrypt has no wrap of Transit');
    return { keyVersion: parts[1] as string, ciphertext: new Uint8Array(Buffer.from(parts[2] as string, 'base64')) };
  }

  /** Of any length, the caller's to wipe. `associatedData` undefined: none is given. */
  async decrypt(wrap: TransitWrap, associatedData: Uint8Array | undefined, signal: AbortSignal): Promise<SecretBytes> {
    const body = {
      ciphertext: `vault:v${wrap.keyVersion}:${base64(wrap.ciphertext)}`,
      ...(associatedData === undefined ? {} : { associated_data: base64(associatedData) }),
    };
    const { plaintext } = await this.#post('decrypt', body, signal);
    if (typeof plaintext !== 'string' || !BASE64.test(plaintext)) throw new OddAnswer('an answer to decrypt has no plaintext');
    const pooled = Buffer.from(plaintext, 'base64');
    const dataKey = SecretBytes.copyOf(pooled);
    pooled.fill(0);
    return dataKey;
  }

  /** Undefined where Transit has no such key: itself says so, by a 404 without words; where the mount is missing there are some. */
  async read(signal: AbortSignal): Promise<TransitKeyFacts | undefined> {
    try {
      const answer = await this.#session.call({ method: 'GET', path: `${this.#mount}/keys/${this.#name}` }, signal);
      return transitKeyFacts(dataOf(answer));
    } catch (error) {
      if (error instanceof VaultRefusal && error.status === 404 && error.says === '') return undefined;
      throw error;
    }
  }

  async #post(operation: 'encrypt' | 'decrypt', body: Readonly<Record<string, string>>, signal: AbortSignal) {
    const path = `${this.#mount}/${operation}/${this.#name}`;
    return dataOf(await this.#session.call({ method: 'POST', path, body }, signal));
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function dataOf(answer: unknown): Readonly<Record<string, unknown>> {
  const data = typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : undefined;
  if (typeof data !== 'object' || data === null) throw new OddAnswer('an answer has no data');
  return data as Record<string, unknown>;
}
