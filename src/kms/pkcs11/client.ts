import { Buffer } from 'node:buffer';
import {
  AesGcm240Params,
  type ITemplate,
  KeyType,
  MechanismEnum,
  Module,
  ObjectClass,
  RsaMgf,
  RsaOaepParams,
  type Session,
  SessionObject,
  type Slot,
  Template,
  TokenFlag,
} from 'graphene-pk11';
import {
  asReturnValue,
  type Cryptoki,
  type Flag,
  type Handle,
  type HsmSession,
  type HsmToken,
  type KeyObject,
  type Use,
} from './cryptoki.ts';
import type { KeySelector } from './messages.ts';

type Pkcs11Mechanism = Parameters<Session['lib']['C_EncryptInit']>[1];

const CKF_OS_LOCKING_OK = 2;
const CKR_USER_ALREADY_LOGGED_IN = 0x100;
/** CKS_RO_USER_FUNCTIONS and CKS_RW_USER_FUNCTIONS. */
const USER_STATES: readonly number[] = [1, 3];
/** The longest result: an RSA block of 8,192 bits. */
const MAX_OUTPUT_BYTES = 1_024;

const CLASSES = {
  secret: ObjectClass.SECRET_KEY,
  private: ObjectClass.PRIVATE_KEY,
  public: ObjectClass.PUBLIC_KEY,
} as const satisfies Record<KeyObject, ObjectClass>;

/** A session object that holds bytes on their way into or out of key wrap. */
const PASSING_OBJECT: ITemplate = {
  class: ObjectClass.SECRET_KEY,
  keyType: KeyType.GENERIC_SECRET,
  token: false,
  private: true,
  sensitive: false,
  extractable: true,
};

/**
 * Loads a module into this process and initialises it.
 * @throws {ReturnValue} what C_Initialize says; an Error of the system's loader where it is no module
 */
export function openModule(file: string, initString: string | undefined): Cryptoki {
  const module = Module.load(file);
  // pkcs11js cuts off the last character of the string; a space more is lost in its place.
  const parameters = initString === undefined ? {} : { libraryParameters: `${initString} ` };
  translated(() => module.initialize({ flags: CKF_OS_LOCKING_OK, ...parameters }));
  return new ModuleCryptoki(module);
}

class ModuleCryptoki implements Cryptoki {
  readonly #module: Module;

  constructor(module: Module) {
    this.#module = module;
  }

  tokens(): readonly HsmToken[] {
    return translated(() => {
      const slots = this.#module.getSlots(true);
      return Array.from({ length: slots.length }, (_, index) => tokenIn(slots.items(index)));
    });
  }

  finalize(): void {
    translated(() => this.#module.finalize());
  }
}

function tokenIn(slot: Slot): HsmToken {
  const { label, serialNumber: serial, flags } = slot.getToken();
  return {
    slotId: Number(slot.handle.readBigUInt64LE()),
    label,
    serial,
    isLastPinTry: (flags & TokenFlag.USER_PIN_FINAL_TRY) !== 0,
    openSession: () => translated(() => new ModuleSession(slot.open())),
  };
}

class ModuleSession implements HsmSession {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  isLoggedIn(): boolean {
    return translated(() => USER_STATES.includes(this.#session.lib.C_GetSessionInfo(this.#session.handle).state));
  }

  login(pin: string): void {
    try {
      this.#session.login(pin);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === CKR_USER_ALREADY_LOGGED_IN)) throw asReturnValue(error);
    }
  }

  close(): void {
    translated(() => this.#session.close());
  }

  find(object: KeyObject, { id, label }: KeySelector): readonly Handle[] {
    const template: ITemplate = {
      class: CLASSES[object],
      token: true,
      ...(id === undefined ? {} : { id: Buffer.from(id, 'hex') }),
      ...(label === undefined ? {} : { label }),
    };
    const found: Handle[] = [];
    translated(() => this.#session.find(template, ({ handle }) => found.push(handle) < 2));
    return found;
  }

  isSet(key: Handle, flag: Flag): boolean {
    return translated(() => this.#object(key).getAttribute(flag) === true);
  }

  async encrypt(use: Use, data: Uint8Array): Promise<Uint8Array> {
    const { lib, handle } = this.#session;
    const input = Buffer.alloc(data.length);
    const output = Buffer.alloc(data.length + MAX_OUTPUT_BYTES);
    try {
      input.set(data);
      lib.C_EncryptInit(handle, mechanismOf(use), use.key);
      return new Uint8Array(await lib.C_EncryptAsync(handle, input, output));
    } catch (error) {
      throw asReturnValue(error);
    } finally {
      input.fill(0); // also: it must live until the other thread has read it
    }
  }

  async decrypt(use: Use, data: Uint8Array): Promise<Uint8Array> {
    const { lib, handle } = this.#session;
    const input = Buffer.from(data);
    const output = Buffer.alloc(data.length + MAX_OUTPUT_BYTES);
    try {
      lib.C_DecryptInit(handle, mechanismOf(use), use.key);
      return new Uint8Array(await lib.C_DecryptAsync(handle, input, output));
    } catch (error) {
      throw asReturnValue(error);
    } finally {
      input.fill(0);
      output.fill(0);
    }
  }

  async wrap(use: Use, data: Uint8Array): Promise<Uint8Array> {
    const { lib, handle } = this.#session;
    const value = Buffer.alloc(data.length);
    value.set(data);
    const object = translated(() => this.#session.create({ ...PASSING_OBJECT, value }));
    try {
      const output = Buffer.alloc(data.length + MAX_OUTPUT_BYTES);
      return new Uint8Array(await lib.C_WrapKeyAsync(handle, mechanismOf(use), use.key, object.handle, output));
    } catch (error) {
      throw asReturnValue(error);
    } finally {
      value.fill(0);
      translated(() => object.destroy());
    }
  }

  async unwrap(use: Use, data: Uint8Array): Promise<Uint8Array> {
    const { lib, handle } = this.#session;
    const input = Buffer.from(data);
    const template = Template.toPkcs11(PASSING_OBJECT);
    try {
      const object = this.#object(await lib.C_UnwrapKeyAsync(handle, mechanismOf(use), use.key, input, template));
      const value: Buffer = object.getAttribute('value');
      object.destroy();
      const result = new Uint8Array(value);
      value.fill(0);
      return result;
    } catch (error) {
      throw asReturnValue(error);
    } finally {
      input.fill(0);
    }
  }

  #object(handle: Handle): SessionObject {
    return new SessionObject(handle, this.#session, this.#session.lib);
  }
}

function mechanismOf({ method, iv, aad }: Use): Pkcs11Mechanism {
  const { mechanism } = method;
  switch (method.name) {
    case 'aes-gcm':
      return { mechanism, parameter: new AesGcm240Params(asBuffer(iv), asBuffer(aad)).toCKI() };
    case 'aes-kwp':
      return { mechanism };
    case 'rsa-oaep':
      return { mechanism, parameter: OAEP[method.hash].toCKI() };
  }
}

const OAEP = {
  sha256: new RsaOaepParams(MechanismEnum.SHA256, RsaMgf.MGF1_SHA256),
  sha1: new RsaOaepParams(MechanismEnum.SHA_1, RsaMgf.MGF1_SHA1),
};

function asBuffer(bytes: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asReturnValue(error);
  }
}
