import type { SecretBytes } from '../../core/secret-bytes.ts';
import { Bulkhead } from '../bulkhead.ts';
import { isLostLogin, isWrongPin, keysideError, needsNewProcess, troubleError, wrongPinError } from './errors.ts';
import { FoundFault } from './found-fault.ts';
import type { KeyRequest, LoginRequest, TokenSelector } from './messages.ts';
import type { ModuleLink, Outcome } from './module-link.ts';
import type { ModuleProcess } from './module-process.ts';
import { type RefusedPins, readPin } from './pin-file.ts';
import { ProcessTrouble } from './process-trouble.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Opening a session and logging in, which takes some HSMs seconds. */
const LOGIN_MS = 15_000;
const MAX_QUEUED = 1_024;

export interface TokenAccessOptions {
  readonly process: ModuleProcess;
  readonly module: string;
  /** What the token is called between daemon and process. */
  readonly name: string;
  readonly selector: TokenSelector;
  readonly pinFile: string;
  /** Requests that the process has at once. */
  readonly sessions: number;
  readonly refusedPins: RefusedPins;
  /** Whether no other token is used in this process. */
  isAlone(): boolean;
}

/** A request of one key. */
export interface KeyCall {
  /** Of the key's configuration, for messages. */
  readonly id: string;
  readonly request: Omit<KeyRequest, 'token'>;
  /** Stays the caller's. */
  readonly body: SecretBytes;
  /** After so long without an answer the process is killed. */
  readonly hangAfterMs: number;
}

/**
 * A token as the daemon sees it: logs in when that is needed, holds requests back that the token has no session for, and puts every
 * failure into Keyside's words. Shared by the keys of one token with one PIN file.
 */
export class TokenAccess {
  readonly #options: TokenAccessOptions;
  readonly #lane: Bulkhead;
  readonly #logins = new WeakMap<ModuleLink, Promise<void>>();

  constructor(options: TokenAccessOptions) {
    this.#options = options;
    this.#lane = new Bulkhead(`PKCS#11 module ${options.module}`, { maxConcurrent: options.sessions, maxQueued: MAX_QUEUED });
  }

  /** Ends at once where the signal aborts; what the HSM still answers then is wiped. @throws {KeysideError} */
  async ask(call: KeyCall, signal: AbortSignal): Promise<Outcome> {
    const body = call.body.copy();
    const working = this.#lane.run(() => this.#make({ ...call, body }), { signal, lane: call.id }).finally(() => body.wipe());
    return await unlessAborted(working, signal, (late) => late.body.fill(0));
  }

  /** A login that was lost is renewed, once. */
  async #make(call: KeyCall): Promise<Outcome> {
    const { id, request, body, hangAfterMs } = call;
    const { process, name } = this.#options;
    try {
      for (let attempt = 1; ; attempt += 1) {
        const link = await this.#loggedIn(id);
        const outcome = await link.ask({ ...request, token: name }, body.expose(), hangAfterMs);
        if (outcome.reply.ok) {
          process.served(link);
          return outcome;
        }
        const { fault } = outcome.reply;
        if (attempt > 1 || !isLostLogin(fault)) throw keysideError(id, request.op, fault);
        this.#logins.delete(link);
      }
    } catch (error) {
      if (error instanceof ProcessTrouble) throw troubleError(id, error);
      throw error instanceof FoundFault ? keysideError(id, 'login', error.fault) : error;
    }
  }

  /** One login at a time, whoever waits for it: a wrong PIN is tried once, not once a caller. */
  async #loggedIn(id: string): Promise<ModuleLink> {
    const link = await this.#options.process.link();
    let login = this.#logins.get(link);
    if (login === undefined) {
      login = this.#login(link, id);
      this.#logins.set(link, login);
      login.catch(() => this.#logins.delete(link));
    }
    await login;
    return link;
  }

  async #login(link: ModuleLink, id: string): Promise<void> {
    const { process, module, name, selector, pinFile, refusedPins, isAlone } = this.#options;
    const { pin, stamp } = await readPin(id, pinFile);
    using wiped = pin;
    const pinName = JSON.stringify([module, name, pinFile]);
    if (refusedPins.isRefused(pinName, stamp)) throw wrongPinError(id, pinFile);
    const request: LoginRequest = { op: 'login', token: name, selector, access: pinFile };
    const { reply } = await link.ask(request, wiped.expose(), LOGIN_MS);
    if (reply.ok) return;
    if (isWrongPin(reply.fault)) refusedPins.refuse(pinName, stamp);
    if (needsNewProcess(reply.fault) && isAlone()) process.retire(link);
    throw new FoundFault(reply.fault);
  }
}
