import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { invalidRequest } from './error-types.ts';

/** In bytes, of a Node stream's buffer. */
const BUFFERED_BYTES = 256 * 1024;

/** How a stream is made. */
export interface Making {
  readonly chunks: () => AsyncGenerator<Uint8Array, void>;
  /** Ends the call and lets the source go, at once and at any time; nothing where both have ended. */
  readonly abandon: () => void;
}

/**
 * Bytes while they are made, to be taken once: iterate them, or take them as a stream of Node's or of the web. Nothing is sent before.
 * They are whole only where they end without an error: where one is thrown, what came before is nothing to keep.
 */
export class ByteStream implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #making: Making;
  #taken: AsyncGenerator<Uint8Array, void> | undefined;

  constructor(making: Making) {
    this.#making = making;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const isTaken = this.#taken !== undefined;
    this.#taken ??= abandonable(this.#making);
    return isTaken ? refused() : this.#taken;
  }

  /** As a stream of Node's: bytes, not objects. Destroying it ends the call. */
  toNodeStream(): Readable {
    return Readable.from(this, { objectMode: false, highWaterMark: BUFFERED_BYTES });
  }

  /** As a stream of the web, such as the body of a `Response`. Cancelling it ends the call. */
  toWebStream(): ReadableStream<Uint8Array> {
    return ReadableStream.from(this);
  }

  /** Ends the call, and lets the source go, where not everything was taken: also while a piece is awaited. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#making.abandon();
    await this.#taken?.return();
  }
}

/** A generator waits for the piece that is awaited before it ends: so the call ends first. */
function abandonable({ chunks: make, abandon }: Making): AsyncGenerator<Uint8Array, void> {
  const chunks = make();
  return {
    next: () => chunks.next(),
    return: () => {
      abandon();
      return chunks.return();
    },
    throw: (error) => {
      abandon();
      return chunks.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}

// biome-ignore lint/correctness/useYield: it throws where it is first asked
async function* refused(): AsyncGenerator<Uint8Array, void> {
  throw invalidRequest('the stream was taken before: it can be once');
}

/** How a sealed object is made. */
interface Sealing extends Making {
  /** Opens the call, once: gives the header. */
  readonly open: () => Promise<Uint8Array>;
}

/** A sealed object while it is made. */
export class EncryptedStream extends ByteStream {
  readonly #open: () => Promise<Uint8Array>;

  constructor({ open, ...making }: Sealing) {
    super(making);
    this.#open = open;
  }

  /**
   * The object's header, before any plaintext is read. Store it apart for `isDetached`; else it is also what the stream begins with.
   * Asking for it opens the stream.
   */
  get edek(): Promise<Uint8Array> {
    return this.#open();
  }
}
