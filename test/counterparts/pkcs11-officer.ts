import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Session, SessionObject } from 'graphene-pk11';
import { PIN, type TestHsm } from './pkcs11-modules.ts';

type Graphene = typeof import('graphene-pk11');

interface Rights {
  readonly encrypt: boolean;
  readonly decrypt: boolean;
  readonly wrap: boolean;
  readonly unwrap: boolean;
}

const ALL: Rights = { encrypt: true, decrypt: true, wrap: true, unwrap: true };
const NONE: Rights = { encrypt: false, decrypt: false, wrap: false, unwrap: false };

/** A key on the token, as its owner knows it. */
export interface OwnedKey {
  /** Hex. */
  readonly id: string;
  readonly label: string;
  readonly objects: readonly SessionObject[];
  /** Of a secret key: its bytes, so that wraps can be made and opened without the HSM. */
  readonly value?: Buffer;
  /** Of a key pair. */
  readonly publicKey?: KeyObject;
}

/** Who owns the token and its keys: what a customer does with tools of its own. Works in the test's process, beside Keyside's. */
export class TokenOfficer {
  readonly #graphene: Graphene;
  readonly #session: Session;

  private constructor(graphene: Graphene, session: Session) {
    this.#graphene = graphene;
    this.#session = session;
  }

  static async at({ module, initString, tokenLabel }: TestHsm): Promise<TokenOfficer> {
    const graphene = await import('graphene-pk11');
    const loaded = graphene.Module.load(module);
    loaded.initialize({ flags: 2, ...(initString === undefined ? {} : { libraryParameters: `${initString} ` }) });
    const slots = loaded.getSlots(true);
    const all = Array.from({ length: slots.length }, (_, index) => slots.items(index));
    const slot = all.find((candidate) => candidate.getToken().label === tokenLabel);
    if (slot === undefined) throw new Error(`no token ${tokenLabel}`);
    const session = slot.open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION);
    session.login(PIN);
    return new TokenOfficer(graphene, session);
  }

  /** `named` makes it look like another key. */
  createSecretKey(named: { readonly label?: string } = {}): OwnedKey {
    const { KeyType, ObjectClass } = this.#graphene;
    const { id, label, template } = this.#fresh(named.label);
    const value = randomBytes(32);
    const secret = { class: ObjectClass.SECRET_KEY, keyType: KeyType.AES, private: true, sensitive: true, extractable: false };
    return { id, label, value, objects: [this.#session.create({ ...template, ...secret, ...ALL, value })] };
  }

  createRsaKey(modulusBits = 2_048): OwnedKey {
    const { id, label, template } = this.#fresh();
    const pair = this.#session.generateKeyPair(
      this.#graphene.KeyGenMechanism.RSA,
      { ...template, modulusBits, publicExponent: Buffer.from([1, 0, 1]), encrypt: true },
      { ...template, private: true, sensitive: true, decrypt: true },
    );
    const text = (name: string): string => pair.publicKey.getAttribute(name).toString('base64url');
    const jwk = { kty: 'RSA', n: text('modulus'), e: text('publicExponent') };
    return { id, label, publicKey: createPublicKey({ key: jwk, format: 'jwk' }), objects: [pair.privateKey, pair.publicKey] };
  }

  /** What stands for disabling a key, where nothing else does. */
  forbid(key: OwnedKey): void {
    this.set(key, NONE);
  }

  allow(key: OwnedKey): void {
    this.set(key, ALL);
  }

  /** Sets the rights that the key's objects have at all: a private key does not encrypt. */
  set({ objects }: OwnedKey, rights: Partial<Rights>): void {
    const { ObjectClass } = this.#graphene;
    for (const object of objects) {
      const opens = object.class !== ObjectClass.PUBLIC_KEY;
      const seals = object.class !== ObjectClass.PRIVATE_KEY;
      for (const [name, value] of Object.entries(rights)) {
        if (name === 'decrypt' || name === 'unwrap' ? opens : seals) object.setAttribute(name, value);
      }
    }
  }

  destroy({ objects }: OwnedKey): void {
    for (const object of objects) object.destroy();
  }

  /** Opens `IV[12] || ciphertext || tag` in the HSM. */
  openGcm({ objects: [key] }: OwnedKey, sealed: Uint8Array, aad: Uint8Array): Buffer {
    const { AesGcm240Params, MechanismEnum } = this.#graphene;
    const params = new AesGcm240Params(Buffer.from(sealed.subarray(0, 12)), Buffer.from(aad));
    const decipher = this.#session.createDecipher({ name: MechanismEnum.AES_GCM, params }, (key as SessionObject).toType());
    return decipher.once(Buffer.from(sealed.subarray(12)), Buffer.alloc(1_024));
  }

  /** Ends the login of this process only. */
  close(): void {
    this.#session.close();
  }

  /** NSS takes two keys of one CKA_ID for one key. */
  #fresh(label?: string) {
    const id = randomBytes(8).toString('hex');
    const chosen = label ?? `key ${id}`;
    return { id, label: chosen, template: { id: Buffer.from(id, 'hex'), label: chosen, token: true } };
  }
}
