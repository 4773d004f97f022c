import { readFile } from 'node:fs/promises';
import type { CallerConfig } from '../config/caller-config.ts';
import { type Caller, type Callers, digestOfToken } from '../rpc/callers.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How often token files are read again, in milliseconds: a rotated token is known after this time at the latest. */
const REFRESH_MS = 5_000;
const MIN_TOKEN_CHARACTERS = 16;

/** Readings of a token file that may fail in a row before its caller is let in no more: a replacement takes a moment. */
const MAX_FAILURES = 2;

/**
 * Reads the callers' tokens from their files, now and again while the daemon runs. Only their digests stay. A file that is gone or
 * unfit for two readings ends its caller's access.
 */
export class CallerTokens {
  readonly #entries: readonly CallerConfig[];
  readonly #callers: Callers;
  readonly #logger: Logger;
  readonly #digests = new Map<string, string>();
  readonly #failures = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(entries: readonly CallerConfig[], callers: Callers, logger: Logger) {
    this.#entries = entries;
    this.#callers = callers;
    this.#logger = logger;
  }

  /** @throws {Error} naming the file that cannot be used, or the callers that share a token */
  async start(): Promise<void> {
    for (const entry of this.#entries) this.#digests.set(entry.id, await readTokenDigest(entry.tokenFile));
    this.#apply();
    if (this.#entries.length > 0) this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #refresh(): Promise<void> {
    for (const entry of this.#entries) {
      try {
        this.#digests.set(entry.id, await readTokenDigest(entry.tokenFile));
        this.#failures.delete(entry.id);
      } catch (error) {
        this.#failed(entry, error);
      }
    }
    try {
      this.#apply();
    } catch (error) {
      this.#logger.log('error', 'caller tokens could not be taken over; the last ones stay', errorFields(error));
    }
  }

  #failed({ id }: CallerConfig, error: unknown): void {
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    const isShutOut = failures >= MAX_FAILURES;
    if (isShutOut) this.#digests.delete(id);
    const message = isShutOut ? 'caller token cannot be read; the caller is shut out' : 'caller token could not be read';
    this.#logger.log('warn', message, { callerId: id, ...errorFields(error) });
  }

  #apply(): void {
    const tokens = this.#entries.flatMap((entry) => {
      const digest = this.#digests.get(entry.id);
      const caller: Caller = { id: entry.id, tenants: entry.tenants ?? 'all', operations: entry.operations ?? 'all' };
      return digest === undefined ? [] : [{ digest, caller }];
    });
    this.#callers.setTokens(tokens);
  }
}

async function readTokenDigest(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length < MIN_TOKEN_CHARACTERS)
    throw new Error(`token file ${file} holds fewer than ${MIN_TOKEN_CHARACTERS} characters`);
  return digestOfToken(token);
}
