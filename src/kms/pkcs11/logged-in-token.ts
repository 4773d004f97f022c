import type { Cryptoki, Handle, HsmSession, HsmToken, KeyObject } from './cryptoki.ts';
import { foundFault } from './found-fault.ts';
import type { KeySelector, LoginRequest, TokenSelector } from './messages.ts';

/**
 * A token that the user is logged in to, in the process that holds its module. One session is pinned, since closing the last one logs
 * out; the others work, one thing at a time each. Who asks says how many may work at once.
 */
export class LoggedInToken {
  /** Whose PIN opened it. */
  readonly access: string;
  readonly #token: HsmToken;
  readonly #pinned: HsmSession;
  readonly #idle: HsmSession[] = [];
  readonly #handles = new Map<string, Handle>();
  /** Keys whose module was seen to refuse other additional data. */
  readonly #bound = new Set<string>();

  private constructor(access: string, token: HsmToken, pinned: HsmSession) {
    this.access = access;
    this.#token = token;
    this.#pinned = pinned;
  }

  /**
   * Precondition: no session of this token is open. The PIN is tried once at most, and never where a wrong one would lock the user.
   * @throws {FoundFault} pin-last-try
   * @throws {ReturnValue} what the module says of session or PIN
   */
  static login(token: HsmToken, access: string, pin: string): LoggedInToken {
    if (token.isLastPinTry) throw foundFault('pin-last-try');
    const pinned = token.openSession();
    try {
      pinned.login(pin);
      return new LoggedInToken(access, token, pinned);
    } catch (error) {
      closeQuietly(pinned);
      throw error;
    }
  }

  get slotId(): number {
    return this.#token.slotId;
  }

  get label(): string {
    return this.#token.label;
  }

  /** False too where the module cannot say. */
  isLoggedIn(): boolean {
    try {
      return this.#pinned.isLoggedIn();
    } catch {
      return false;
    }
  }

  /** Lends a session. One that failed is closed: nobody knows what it was left in the middle of. */
  async withSession<T>(work: (session: HsmSession) => Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? this.#token.openSession();
    try {
      const result = await work(session);
      this.#idle.push(session);
      return result;
    } catch (error) {
      closeQuietly(session);
      throw error;
    }
  }

  /**
   * Where the key is: looked up once, then remembered until `forget`.
   * @throws {FoundFault} key-absent, key-ambiguous, login-required
   */
  find(session: HsmSession, object: KeyObject, selector: KeySelector): Handle {
    const name = nameOf(object, selector);
    const known = this.#handles.get(name);
    if (known !== undefined) return known;
    const [found, another] = session.find(object, selector);
    if (another !== undefined) throw foundFault('key-ambiguous');
    if (found === undefined) throw foundFault(this.isLoggedIn() ? 'key-absent' : 'login-required');
    this.#handles.set(name, found);
    return found;
  }

  isBound(key: Handle): boolean {
    return this.#bound.has(key.toString('hex'));
  }

  noteBound(key: Handle): void {
    this.#bound.add(key.toString('hex'));
  }

  forget(): void {
    this.#handles.clear();
    this.#bound.clear();
  }

  close(): void {
    for (const session of [...this.#idle.splice(0), this.#pinned]) closeQuietly(session);
  }
}

/** The one token that matches all that is given. @throws {FoundFault} token-absent, token-ambiguous */
export function findToken(cryptoki: Cryptoki, { label, serial, slot }: TokenSelector): HsmToken {
  const [found, another] = cryptoki
    .tokens()
    .filter(
      (token) =>
        (label === undefined || token.label === label) &&
        (serial === undefined || token.serial === serial) &&
        (slot === undefined || token.slotId === slot),
    );
  if (found === undefined) throw foundFault('token-absent');
  if (another !== undefined) throw foundFault('token-ambiguous');
  return found;
}

/** The tokens of a module, by the names that requests call them. */
export class LoggedInTokens {
  readonly #byName = new Map<string, LoggedInToken>();

  /**
   * A token that another name has logged in to is shared, where that login still holds.
   * @throws {FoundFault} token-taken where it is open with another PIN file; and as `LoggedInToken.login`
   */
  login(cryptoki: Cryptoki, request: LoginRequest, pin: string): void {
    const { token: name, selector, access } = request;
    this.#drop(name);
    const token = findToken(cryptoki, selector);
    for (const [otherName, other] of this.#byName) {
      if (other.slotId !== token.slotId) continue;
      if (other.access !== access) throw foundFault('token-taken');
      if (other.isLoggedIn()) {
        this.#byName.set(name, other);
        return;
      }
      this.#drop(otherName);
    }
    this.#byName.set(name, LoggedInToken.login(token, access, pin));
  }

  /** @throws {FoundFault} login-required */
  get(name: string): LoggedInToken {
    const token = this.#byName.get(name);
    if (token === undefined) throw foundFault('login-required');
    return token;
  }

  closeAll(): void {
    for (const name of [...this.#byName.keys()]) this.#drop(name);
  }

  #drop(name: string): void {
    const token = this.#byName.get(name);
    this.#byName.delete(name);
    if (token !== undefined && ![...this.#byName.values()].includes(token)) token.close();
  }
}

function nameOf(object: KeyObject, { id, label }: KeySelector): string {
  return JSON.stringify([object, id?.toLowerCase() ?? '', label ?? '']);
}

/** It may be gone already, with the token or the connection. */
function closeQuietly(session: HsmSession): void {
  try {
    session.close();
  } catch {
    // nothing is left to close
  }
}
