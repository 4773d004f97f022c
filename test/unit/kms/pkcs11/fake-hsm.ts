import { Buffer } from 'node:buffer';
import {
  type Cryptoki,
  type Flag,
  type Handle,
  type HsmSession,
  type HsmToken,
  type KeyObject,
  type Permission,
  ReturnValue,
  type Use,
} from '../../../../src/kms/pkcs11/cryptoki.ts';
import type { KeySelector } from '../../../../src/kms/pkcs11/messages.ts';

/** What a fake key is: bytes are "sealed" by adding what the mechanism would add, and reversed on the way back. */
export interface FakeKey {
  readonly object: KeyObject;
  readonly id: string;
  readonly label: string;
  readonly rights: Record<Permission, boolean>;
  readonly isExtractable?: boolean;
}

export type Call =
  | 'login'
  | 'open session'
  | 'close session'
  | 'find'
  | 'is set'
  | 'encrypt'
  | 'decrypt'
  | 'wrap'
  | 'unwrap'
  | 'finalize';

/** A token in memory that answers what it is told to; what it was not told to model it refuses loudly. */
export class FakeHsm implements Cryptoki {
  readonly keys: FakeKey[] = [];
  /** What was asked, in order. */
  readonly calls: Call[] = [];
  /** Return values that the next calls of this kind end in. */
  readonly refusals = new Map<Call, number[]>();
  label = 'keyside';
  serial = 'abc';
  slotId = 7;
  isLastPinTry = false;
  loggedIn = false;
  pin = '1234';
  openSessions = 0;
  /** Whether AES-GCM refuses additional data other than what it sealed last. */
  binds = true;
  boundTo: Buffer | undefined;
  /** Other tokens of the same module. */
  readonly neighbours: HsmToken[] = [];

  key(change: Partial<Omit<FakeKey, 'rights'>> & { readonly rights?: Partial<FakeKey['rights']> } = {}): FakeKey {
    const rights = { encrypt: true, decrypt: true, wrap: true, unwrap: true, ...change.rights };
    const key: FakeKey = { object: 'secret', id: '01', label: 'acme', ...change, rights };
    this.keys.push(key);
    return key;
  }

  refuse(call: Call, ...codes: readonly number[]): void {
    this.refusals.set(call, [...codes]);
  }

  count(call: Call): number {
    return this.calls.filter((made) => made === call).length;
  }

  tokens(): readonly HsmToken[] {
    const { slotId, label, serial, isLastPinTry } = this;
    return [{ slotId, label, serial, isLastPinTry, openSession: () => this.#session() }, ...this.neighbours];
  }

  finalize(): void {
    this.made('finalize');
  }

  made(call: Call): void {
    this.calls.push(call);
    const code = this.refusals.get(call)?.shift();
    if (code !== undefined) throw new ReturnValue(code);
  }

  #session(): HsmSession {
    this.made('open session');
    this.openSessions += 1;
    return new FakeSession(this);
  }
}

class FakeSession implements HsmSession {
  readonly #hsm: FakeHsm;

  constructor(hsm: FakeHsm) {
    this.#hsm = hsm;
  }

  isLoggedIn(): boolean {
    return this.#hsm.loggedIn;
  }

  login(pin: string): void {
    this.#hsm.made('login');
    if (pin !== this.#hsm.pin) throw new ReturnValue(0xa0);
    this.#hsm.loggedIn = true;
  }

  close(): void {
    this.#hsm.made('close session');
    this.#hsm.openSessions -= 1;
  }

  find(object: KeyObject, { id, label }: KeySelector): readonly Handle[] {
    this.#hsm.made('find');
    return this.#hsm.keys
      .filter(
        (key) => key.object === object && (id === undefined || key.id === id) && (label === undefined || key.label === label),
      )
      .slice(0, 2)
      .map((key) => Buffer.of(this.#hsm.keys.indexOf(key)));
  }

  isSet(key: Handle, flag: Flag): boolean {
    this.#hsm.made('is set');
    const { rights, isExtractable } = this.#of(key);
    return flag === 'extractable' ? isExtractable === true : rights[flag];
  }

  async encrypt(use: Use, data: Uint8Array): Promise<Uint8Array> {
    this.#hsm.made('encrypt');
    this.#demand(use, 'encrypt');
    if (use.method.name === 'aes-gcm') this.#hsm.boundTo = Buffer.from(use.aad ?? []);
    const added = { 'aes-gcm': 16, 'aes-kwp': 8, 'rsa-oaep': 256 - data.length }[use.method.name];
    return Buffer.concat([data, Buffer.alloc(added, 0xee)]);
  }

  async decrypt(use: Use, data: Uint8Array): Promise<Uint8Array> {
    this.#hsm.made('decrypt');
    this.#demand(use, 'decrypt');
    const isOther = use.method.name === 'aes-gcm' && this.#hsm.boundTo?.equals(Buffer.from(use.aad ?? [])) === false;
    if (isOther && this.#hsm.binds) throw new ReturnValue(0x40);
    return use.method.name === 'rsa-oaep'
      ? data.slice(0, data.indexOf(0xee))
      : data.slice(0, use.method.name === 'aes-gcm' ? -16 : -8);
  }

  async wrap(use: Use, data: Uint8Array): Promise<Uint8Array> {
    this.#hsm.made('wrap');
    this.#demand(use, 'wrap');
    return Buffer.concat([data, Buffer.alloc(8, 0xee)]);
  }

  async unwrap(use: Use, data: Uint8Array): Promise<Uint8Array> {
    this.#hsm.made('unwrap');
    this.#demand(use, 'unwrap');
    return data.slice(0, -8);
  }

  #demand({ key }: Use, permission: Permission): void {
    if (!this.#of(key).rights[permission]) throw new ReturnValue(0x68);
  }

  #of(handle: Handle): FakeKey {
    const key = this.#hsm.keys[handle[0] ?? -1];
    if (key === undefined) throw new ReturnValue(0x82);
    return key;
  }
}
