import { readFile } from 'node:fs/promises';
import type { CallerConfig } from '../config/daemon-config.ts';
import type { Caller, Callers } from '../rpc/callers.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How often token files are read again, in milliseconds: a rotated token is known after this time at the latest. */
const REFRESH_MS = 5_000;
const MIN_TOKEN_CHARACTERS = 16;

/** Reads the callers' tokens from their files, now and again while the daemon runs. A file that fails later keeps its last token. */
export class CallerTokens {
  readonly #entries: readonly CallerConfig[];
  readonly #callers: Callers;
  readonly #logger: Logger;
  readonly #last = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(entries: readonly CallerConfig[], callers: Callers, logger: Logger) {
    this.#entries = entries;
    this.#callers = callers;
    this.#logger = logger;
  }

  /** @throws {Error} naming the file that cannot be used */
  async start(): Promise<void> {
    for (const entry of this.#entries) this.#last.set(entry.id, await readToken(entry.tokenFile));
    this.#apply();
    if (this.#entries.length > 0) this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #refresh(): Promise<void> {
    for (const entry of this.#entries) {
      try {
        this.#last.set(entry.id, await readToken(entry.tokenFile));
      } catch (error) {
        this.#logger.log('warn', 'caller token could not be read; the last one stays', {
          callerId: entry.id,
          ...errorFields(error),
        });
      }
    }
    this.#apply();
  }

  #apply(): void {
    const tokens = this.#entries.map((entry) => {
      const caller: Caller = { id: entry.id, tenants: entry.tenants ?? 'all', operations: entry.operations ?? 'all' };
      return { token: this.#last.get(entry.id) as string, caller };
    });
    this.#callers.setTokens(tokens);
  }
}

async function readToken(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length < MIN_TOKEN_CHARACTERS)
    throw new Error(`token file ${file} holds fewer than ${MIN_TOKEN_CHARACTERS} characters`);
  return token;
}
