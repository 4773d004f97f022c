import type { KeySelector, Method } from './messages.ts';

/** A handle of the module's: opaque, good only for the module that gave it. */
export type Handle = Buffer;

/** A token that is present. */
export interface HsmToken {
  readonly slotId: number;
  readonly label: string;
  readonly serial: string;
  /** The next wrong PIN locks the user. */
  readonly isLastPinTry: boolean;
  /** Read-only: the daemon changes nothing in an HSM. */
  openSession(): HsmSession;
}

export type KeyObject = 'secret' | 'private' | 'public';

/** What a key may be used for: CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP. */
export type Permission = 'encrypt' | 'decrypt' | 'wrap' | 'unwrap';

/** Attributes that are true or false; also whether the key can leave the HSM (CKA_EXTRACTABLE). */
export type Flag = Permission | 'extractable';

/** One use of a key. For aes-gcm with the IV to give (empty where the HSM makes or finds it) and the additional data. */
export interface Use {
  readonly method: Method;
  readonly key: Handle;
  readonly iv?: Uint8Array;
  readonly aad?: Uint8Array;
}

/**
 * The calls of a PKCS#11 module that Keyside makes. What returns a promise runs on a thread of its own; everything else blocks the
 * process until the HSM has answered. Throws `ReturnValue`.
 */
export interface Cryptoki {
  tokens(): readonly HsmToken[];
  finalize(): void;
}

/** A session does one thing at a time. Results are on memory of their own, the caller's to wipe. */
export interface HsmSession {
  /** Whether the user is logged in, as the module says now. */
  isLoggedIn(): boolean;
  login(pin: string): void;
  close(): void;
  /** At most two: one is wanted. */
  find(object: KeyObject, selector: KeySelector): readonly Handle[];
  isSet(key: Handle, flag: Flag): boolean;
  encrypt(use: Use, data: Uint8Array): Promise<Uint8Array>;
  decrypt(use: Use, data: Uint8Array): Promise<Uint8Array>;
  /** Over a session object that holds `data` and is destroyed at once. */
  wrap(use: Use, data: Uint8Array): Promise<Uint8Array>;
  /** Into a session object whose value is read and which is destroyed at once. */
  unwrap(use: Use, data: Uint8Array): Promise<Uint8Array>;
}

/** A return value other than CKR_OK. */
export class ReturnValue extends Error {
  override readonly name = 'ReturnValue';
  readonly code: number;

  constructor(code: number, cause?: unknown) {
    super(`CKR 0x${code.toString(16)}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What pkcs11js throws as a return value; anything else it throws stays as it is. */
export function asReturnValue(error: unknown): unknown {
  if (!(error instanceof Error) || !/^CKR_/.test(error.message)) return error;
  const code = 'code' in error && typeof error.code === 'number' ? error.code : Number(/:(\d+)/.exec(error.message)?.[1]);
  return Number.isInteger(code) ? new ReturnValue(code, error) : error;
}
