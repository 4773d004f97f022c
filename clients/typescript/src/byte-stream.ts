import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { invalidRequest } from './error-types.ts';

/** In bytes, of a Node stream's buffer. */
const BUFFERED_BYTES = 256 * 1024;

/**
 * Bytes while they are made, to be taken once: iterate them, or take them as a stream of Node's or of the web. Nothing is sent before.
 * They are whole only where they end without an error: where one is thrown, what came before is nothing to keep.
 */
export class ByteStream implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #make: () => AsyncGenerator<Uint8Array, void>;
  #taken: AsyncGenerator<Uint8Array, void> | undefined;

  constructor(make: () => AsyncGenerator<Uint8Array, void>) {
    this.#make = make;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const isTaken = this.#taken !== undefined;
    this.#taken ??= this.#make();
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

  /** Ends the call, and lets the source go, where not everything was taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#taken?.return();
  }
}

// biome-ignore lint/correctness/useYield: it throws where it is first asked
async function* refused(): AsyncGenerator<Uint8Array, void> {
  throw invalidRequest('the stream was taken before: it can be once');
}

/** How a sealed object is made. */
interface Sealing {
  /** Opens the call, once: gives the header. */
  readonly open: () => Promise<Uint8Array>;
  readonly chunks: () => AsyncGenerator<Uint8Array, void>;
  /** Ends the call, where there is one. */
  readonly cancel: () => void;
}

/** A sealed object while it is made. */
export class EncryptedStream extends ByteStream {
  readonly #sealing: Sealing;

  constructor(sealing: Sealing) {
    super(sealing.chunks);
    this.#sealing = sealing;
  }

  /**
   * The object's header, before any plaintext is read. Store it apart for `isDetached`; else it is also what the stream begins with.
   * Asking for it opens the stream.
   */
  get edek(): Promise<Uint8Array> {
    return this.#sealing.open();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#sealing.cancel();
    await super[Symbol.asyncDispose]();
  }
}
