import { Deadline } from '../deadline.ts';
import type { Timer } from '../timer.ts';
import type { TokenSource } from './tokens.ts';
import { OddAnswer, VaultRefusal, type VaultServer } from './vault-server.ts';

/** A login serves all who wait for it, so that none of their deadlines ends it. */
const LOGIN_MS = 5_000;

/** A token younger than this was refused for another reason than its age: logging in again would not help. */
const FRESH_MS = 10_000;

/** How long after a failed renewal the next is tried, while the token still serves. */
const PAUSE_MS = 10_000;

/** A token is not used in the last moments of its life. */
const MAX_MARGIN_MS = 5_000;

const nothing = (): void => undefined;

interface Token {
  readonly value: string;
  readonly isRenewable: boolean;
  /** What the login gave; a renewal that gives far less says that the end is near. */
  readonly lifetimeMs: number;
  readonly obtainedAtMs: number;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

export interface LoginParts {
  readonly server: VaultServer;
  readonly timer: Timer;
  /** `auth/<mount>/login`. */
  readonly path: string;
  /** What proves who the daemon is, read afresh for each login. */
  readonly credentials: () => Promise<Readonly<Record<string, string>>>;
  /** Ends a login under way, with its reason. */
  readonly closing: AbortSignal;
}

/**
 * Logs in when a token is needed; renews it after two thirds of its life, beside the calls that go on with it; logs in again where
 * it cannot be renewed. At most one login or renewal at a time.
 */
export class LoginTokens implements TokenSource {
  readonly #parts: LoginParts;
  #token: Token | undefined;
  #flight: Promise<Token> | undefined;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  async current(signal: AbortSignal): Promise<string> {
    const token = this.#token;
    const nowMs = this.#parts.timer.nowMs();
    if (token === undefined || nowMs >= token.expiresAtMs) return (await whileWanted(this.#fly(logIn), signal)).value;
    if (nowMs >= token.refreshAtMs && nowMs >= this.#pausedUntilMs) this.#refreshAhead(token);
    return token.value;
  }

  async replace(refused: string, signal: AbortSignal): Promise<string | undefined> {
    const token = this.#token;
    if (token !== undefined && token.value !== refused) return token.value;
    if (token !== undefined && this.#parts.timer.nowMs() - token.obtainedAtMs < FRESH_MS) return undefined;
    return (await whileWanted(this.#fly(logIn), signal)).value;
  }

  /** Nobody waits for it and nobody hears of its failure: the token in hand serves, and a later call tries again. */
  #refreshAhead(token: Token): void {
    const pause = (): void => {
      this.#pausedUntilMs = this.#parts.timer.nowMs() + PAUSE_MS;
    };
    this.#fly((parts, signal) => renewOrLogIn(token, parts, signal)).catch(pause);
  }

  #fly(obtain: (parts: LoginParts, signal: AbortSignal) => Promise<Token>): Promise<Token> {
    this.#flight ??= this.#obtain(obtain).finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #obtain(obtain: (parts: LoginParts, signal: AbortSignal) => Promise<Token>): Promise<Token> {
    const { closing: parent, timer } = this.#parts;
    const timeoutMessage = `a login to Vault was not answered within ${LOGIN_MS} ms`;
    using deadline = new Deadline({ parent, limitMs: LOGIN_MS, timer, timeoutMessage });
    this.#token = await deadline.race((signal) => obtain(this.#parts, signal), nothing);
    return this.#token;
  }
}

async function logIn({ server, timer, path, credentials }: LoginParts, signal: AbortSignal): Promise<Token> {
  const body = await credentials();
  const sentAtMs = timer.nowMs();
  return tokenOf(await server.send({ method: 'POST', path, body }, signal), { sentAtMs });
}

async function renewOrLogIn(token: Token, parts: LoginParts, signal: AbortSignal): Promise<Token> {
  if (!token.isRenewable) return logIn(parts, signal);
  const sentAtMs = parts.timer.nowMs();
  const request = { method: 'POST', path: 'auth/token/renew-self', token: token.value, body: {} } as const;
  try {
    return tokenOf(await parts.server.send(request, signal), { sentAtMs, renewed: token });
  } catch (error) {
    const isRefused = error instanceof VaultRefusal && error.status < 429;
    if (!isRefused) throw error;
    return logIn(parts, signal); // it was revoked, or may not renew itself
  }
}

interface Obtained {
  /** A life is counted from the question, not from the answer. */
  readonly sentAtMs: number;
  readonly renewed?: Token;
}

function tokenOf(answer: unknown, { sentAtMs, renewed }: Obtained): Token {
  const { client_token: value, lease_duration: seconds, renewable } = fields(fields(answer).auth);
  if (typeof value !== 'string' || value === '' || typeof seconds !== 'number' || seconds < 0) {
    throw new OddAnswer('an answer to a login has no token');
  }
  const lifeMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000; // 0: it never ends
  const lifetimeMs = renewed?.lifetimeMs ?? lifeMs;
  return {
    value,
    isRenewable: renewable === true && lifeMs >= lifetimeMs / 2,
    lifetimeMs,
    obtainedAtMs: sentAtMs,
    refreshAtMs: sentAtMs + (lifeMs * 2) / 3,
    expiresAtMs: sentAtMs + lifeMs - Math.min(MAX_MARGIN_MS, lifeMs / 10),
  };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The outcome, or the signal's reason as soon as it aborts: the work goes on for the others. */
async function whileWanted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
