import { randomFillSync } from 'node:crypto';
import { type Flag, type Handle, type HsmSession, type KeyObject, type Permission, ReturnValue, type Use } from './cryptoki.ts';
import { doubtOf, FoundFault, foundFault, isRejection } from './found-fault.ts';
import { callerMakesIv, fromStored, ivBytesOf, TAG_BYTES, toStored } from './gcm-layout.ts';
import type { LoggedInToken } from './logged-in-token.ts';
import type { KeyFacts, KeyRequest, Method } from './messages.ts';

const MIN_RSA_BYTES = 256;
const PROBE_BYTES = 64;
const CKR_ENCRYPTED_DATA_LEN_RANGE = 0x41;
const CKR_KEY_FUNCTION_NOT_PERMITTED = 0x68;

/** A key on a token, and how it is used. */
export interface KeyOnToken {
  readonly token: LoggedInToken;
  readonly request: KeyRequest;
}

/**
 * Seals `data`, which stays the caller's. A key that may not open is refused: nobody could read what it sealed.
 * @throws {FoundFault} or {ReturnValue}
 */
export async function sealUnder(key: KeyOnToken, data: Uint8Array): Promise<Uint8Array> {
  return withFreshHandles(key, async (session) => {
    if (mayKey(key, session, 'open') === false) {
      throw new FoundFault({ code: CKR_KEY_FUNCTION_NOT_PERMITTED, isPermitted: false });
    }
    try {
      return await sealing(key, session, data);
    } catch (error) {
      if (doubtOf(error) !== 'refusal' || (await askedAnew(key, 'seal')) !== false) throw error;
      throw foundFault('key-only-opens', error);
    }
  });
}

/**
 * Opens what `sealUnder` made; the result is the caller's to wipe.
 * @throws {FoundFault} or {ReturnValue}; a return value that may mean several things comes with what was found out about it
 */
export async function openUnder(key: KeyOnToken, data: Uint8Array): Promise<Uint8Array> {
  return withFreshHandles(key, async (session) => {
    try {
      return await opening(key, session, data);
    } catch (error) {
      if (!(error instanceof ReturnValue)) throw error;
      const { code } = error;
      if (doubtOf(error) === 'refusal') throw new FoundFault({ code, isPermitted: await askedAnew(key, 'open') }, error);
      if (doubtOf(error) === 'ambiguous') throw new FoundFault({ code, works: await worksNow(key) }, error);
      throw error;
    }
  });
}

/** Looks the key up anew. */
export async function describeKey(key: KeyOnToken): Promise<KeyFacts> {
  key.token.forget();
  return withFreshHandles(key, async (session) => ({
    mayOpen: mayKey(key, session, 'open') ?? true,
    maySeal: mayKey(key, session, 'seal') ?? true,
    canLeave: isSet(key, session, { what: 'open', flag: 'extractable' }) ?? false,
    tokenLabel: key.token.label,
  }));
}

/** A handle that has gone stale is looked up anew, once. */
async function withFreshHandles<T>(key: KeyOnToken, work: (session: HsmSession) => Promise<T>): Promise<T> {
  try {
    return await key.token.withSession(work);
  } catch (error) {
    const doubt = doubtOf(error instanceof FoundFault ? (error.cause ?? error) : error);
    if (doubt !== 'stale-handle' && doubt !== 'refusal') throw error;
    // After a logout some modules say that the handle is invalid, others that the key is of the wrong type.
    if (!key.token.isLoggedIn()) throw foundFault('login-required', error);
    if (doubt === 'refusal') throw error;
    key.token.forget();
    return await key.token.withSession(work);
  }
}

async function sealing({ token, request }: KeyOnToken, session: HsmSession, data: Uint8Array): Promise<Uint8Array> {
  const { method } = request;
  const key = token.find(session, objectOf(request, 'seal'), request.key);
  switch (method.name) {
    case 'aes-gcm': {
      const iv = randomFillSync(new Uint8Array(callerMakesIv(method.ivPolicy) ? ivBytesOf(method.ivPolicy) : 0));
      const output = await session.encrypt({ method, key, iv, aad: aadOf(request) }, data);
      const sealed = ofLength(toStored(method.ivPolicy, { iv, output }), ivBytesOf(method.ivPolicy) + data.length + TAG_BYTES);
      if (!token.isBound(key)) await proveBinding({ token, request }, sealed);
      token.noteBound(key);
      return sealed;
    }
    case 'aes-kwp': {
      const sealed = await (method.call === 'wrap'
        ? session.wrap({ method, key }, data)
        : session.encrypt({ method, key }, data));
      return ofLength(sealed, 8 * Math.ceil(data.length / 8) + 8);
    }
    case 'rsa-oaep': {
      const sealed = await session.encrypt({ method, key }, data);
      if (sealed.length < MIN_RSA_BYTES) throw foundFault('weak-rsa');
      return sealed;
    }
  }
}

/**
 * What was sealed must not open without its context: a module that reads the parameters of AES-GCM otherwise than they are meant would
 * ignore it without a word.
 */
async function proveBinding({ token, request }: KeyOnToken, sealed: Uint8Array): Promise<void> {
  const unbound: KeyOnToken = { token, request: { ...request, aad: '' } };
  try {
    (await token.withSession((session) => opening(unbound, session, sealed))).fill(0);
  } catch (error) {
    if (isRejection(error)) return;
    throw error;
  }
  throw foundFault('context-unbound');
}

async function opening({ token, request }: KeyOnToken, session: HsmSession, data: Uint8Array): Promise<Uint8Array> {
  const { method } = request;
  const key = token.find(session, objectOf(request, 'open'), request.key);
  switch (method.name) {
    case 'aes-gcm': {
      const parts = fromStored(method.ivPolicy, data);
      if (parts === undefined) throw new ReturnValue(CKR_ENCRYPTED_DATA_LEN_RANGE);
      return await session.decrypt({ method, key, iv: parts.iv, aad: aadOf(request) }, parts.input);
    }
    case 'aes-kwp': {
      // RFC 5649: whole blocks of 8 bytes, two at least. Modules differ in what they say of other lengths.
      if (data.length < 16 || data.length % 8 !== 0) throw new ReturnValue(CKR_ENCRYPTED_DATA_LEN_RANGE);
      const use: Use = { method, key };
      return await (method.call === 'wrap' ? session.unwrap(use, data) : session.decrypt(use, data));
    }
    case 'rsa-oaep':
      return await session.decrypt({ method, key }, data);
  }
}

/** Whether the key's attribute allows it; undefined where the module does not tell. */
function mayKey(key: KeyOnToken, session: HsmSession, what: 'seal' | 'open'): boolean | undefined {
  return isSet(key, session, { what, flag: permissionOf(key.request.method, what) });
}

interface Asked {
  /** Which object of the key: a key pair has two. */
  readonly what: 'seal' | 'open';
  readonly flag: Flag;
}

function isSet({ token, request }: KeyOnToken, session: HsmSession, { what, flag }: Asked): boolean | undefined {
  const key: Handle = token.find(session, objectOf(request, what), request.key);
  try {
    return session.isSet(key, flag);
  } catch (error) {
    if (doubtOf(error) !== undefined) throw error;
    return undefined;
  }
}

/** The attribute as it is now, asked in a session of its own; undefined where that fails. */
async function askedAnew(key: KeyOnToken, what: 'seal' | 'open'): Promise<boolean | undefined> {
  try {
    return await key.token.withSession(async (session) => mayKey(key, session, what));
  } catch {
    return undefined;
  }
}

/** Whether a wrap made this moment opens: then it was the other one's own fault that it did not. */
async function worksNow(key: KeyOnToken): Promise<boolean> {
  const sample = randomFillSync(new Uint8Array(PROBE_BYTES));
  try {
    return await key.token.withSession(async (session) => {
      const opened = await opening(key, session, await sealing(key, session, sample));
      return Buffer.compare(opened, sample) === 0;
    });
  } catch {
    return false;
  }
}

function objectOf({ key }: KeyRequest, what: 'seal' | 'open'): KeyObject {
  if (key.keyClass === 'secret') return 'secret';
  return what === 'seal' ? 'public' : 'private';
}

function permissionOf(method: Method, what: 'seal' | 'open'): Permission {
  const isKeyWrap = method.name === 'aes-kwp' && method.call === 'wrap';
  if (what === 'seal') return isKeyWrap ? 'wrap' : 'encrypt';
  return isKeyWrap ? 'unwrap' : 'decrypt';
}

function aadOf({ aad }: KeyRequest): Uint8Array {
  return Buffer.from(aad ?? '', 'base64');
}

function ofLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw foundFault('odd-length');
  return bytes;
}
