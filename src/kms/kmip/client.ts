import { decodeResponse, encodeRequest, type KmipOperation, type KmipRefusal, type KmipResult } from './messages.ts';
import { type KmipCall, KmipPool } from './pool.ts';
import { type KmipTarget, openConnection } from './tls.ts';
import { MalformedTtlv } from './ttlv.ts';

export interface KmipServerOptions {
  readonly target: KmipTarget;
  readonly connections: number;
}

interface Pair<First, Second> {
  readonly first: KmipOperation<First>;
  check(reply: First): void;
  readonly second: KmipOperation<Second>;
  /** In one request of two batch items; false: in two requests. */
  readonly isBatched: boolean;
}

/** What became of the second of two operations. */
export type Outcome<Reply> = { readonly reply: Reply } | { readonly refusal: KmipRefusal };

/**
 * A KMIP server, as far as Keyside asks it. Both calls throw `KmipRefusal` where the server refuses the first operation,
 * `MalformedTtlv` where its answer is not one, the system's errors of network, TLS and files, and the signal's reason; `errors.ts` puts
 * them into reasons. Secrets in replies are the caller's to wipe and may have any length.
 */
export class KmipServer {
  readonly #pool: KmipPool;

  /** Connects with the first call. */
  constructor({ target, connections }: KmipServerOptions) {
    this.#pool = new KmipPool(connections, { open: (signal) => openConnection(target, signal), nowMs: () => performance.now() });
  }

  async ask<Reply>(operation: KmipOperation<Reply>, call: KmipCall): Promise<Reply> {
    return this.#exchange([operation], call, ([result]) => replyOf(operation, result));
  }

  /**
   * Two operations, the second after the first, and only where the first succeeds and passes its check (whose error is thrown). In one
   * request the server has performed both by then; what it answers to the second is zeroed unread where the check fails.
   */
  async askBoth<First, Second>(pair: Pair<First, Second>, call: KmipCall): Promise<readonly [First, Outcome<Second>]> {
    const { first, check, second, isBatched } = pair;
    const checked = (result: KmipResult | undefined): First => {
      const reply = replyOf(first, result);
      check(reply);
      return reply;
    };
    if (isBatched) return this.#exchange([first, second], call, ([one, two]) => [checked(one), outcomeOf(second, two)]);
    const reply = await this.#exchange([first], call, ([one]) => checked(one));
    return [reply, await this.#exchange([second], call, ([two]) => outcomeOf(second, two))];
  }

  /** Closes idle connections at once, and others as soon as their call has ended. */
  close(): void {
    this.#pool.close();
  }

  /** The response is zeroed once it is read. */
  async #exchange<Replies>(
    operations: readonly KmipOperation<unknown>[],
    call: KmipCall,
    read: (results: readonly KmipResult[]) => Replies,
  ): Promise<Replies> {
    const response = await this.#pool.exchange((credential) => encodeRequest(operations, credential), call);
    try {
      return read(decodeResponse(response, operations));
    } finally {
      response.fill(0);
    }
  }
}

function replyOf<Reply>(operation: KmipOperation<Reply>, result: KmipResult | undefined): Reply {
  const outcome = outcomeOf(operation, result);
  if ('refusal' in outcome) throw outcome.refusal;
  return outcome.reply;
}

function outcomeOf<Reply>(operation: KmipOperation<Reply>, result: KmipResult | undefined): Outcome<Reply> {
  if (result === undefined || 'isMissing' in result) throw new MalformedTtlv('the response leaves an operation out');
  if ('refusal' in result) return { refusal: result.refusal };
  return { reply: operation.read(result.payload) };
}
