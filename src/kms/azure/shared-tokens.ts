/** What is asked for a token, as far as sharing it goes. */
interface TokenOptions {
  readonly abortSignal?: AbortSignalLike | undefined;
  readonly tenantId?: string | undefined;
  readonly claims?: string | undefined;
}

/** The SDK's own view of an AbortSignal. */
interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

type Scopes = string | string[];

/**
 * Lets callers that want the same token wait for one request together. The request belongs to none of them: a caller that gives up
 * leaves it to the others, and `fetch` ends it in its own time.
 */
export class SharedTokens<Options extends TokenOptions, Token> {
  readonly #fetch: (scopes: Scopes, options: Omit<Options, 'abortSignal'>) => Promise<Token>;
  readonly #flights = new Map<string, Promise<Token>>();

  constructor(fetch: (scopes: Scopes, options: Omit<Options, 'abortSignal'>) => Promise<Token>) {
    this.#fetch = fetch;
  }

  async getToken(scopes: Scopes, options: Options): Promise<Token> {
    const { abortSignal, ...shared } = options;
    const name = JSON.stringify([scopes, options.tenantId, options.claims]);
    let flight = this.#flights.get(name);
    if (flight === undefined) {
      flight = this.#fetch(scopes, shared).finally(() => this.#flights.delete(name));
      this.#flights.set(name, flight);
    }
    return abortSignal === undefined ? await flight : await untilAborted(flight, abortSignal);
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignalLike): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new DOMException('the wait for a token was aborted', 'AbortError'));
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
