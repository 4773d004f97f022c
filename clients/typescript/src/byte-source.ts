import { types } from 'node:util';
import { cancelled, invalidRequest } from './error-types.ts';

/** Bytes in pieces of any length: an async generator, a Node `Readable`, a web `ReadableStream`, an array. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What is needed of an iterator. */
interface Pieces {
  next(): Promise<IteratorResult<Uint8Array, unknown>> | IteratorResult<Uint8Array, unknown>;
  return?(): unknown;
}

/** A source while it is read: one piece after another, and let go at any time, also before the first and while one is awaited. */
export class SourceReader {
  readonly #source: ByteSource;
  #pieces: Pieces | undefined;
  #isDone = false;
  #isReleased = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** Undefined at the end. @throws what the source threw; {CancelledError} where it was let go: that is no end */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#isReleased) throw cancelled();
    this.#pieces ??= piecesOf(this.#source);
    const { done, value } = await this.#pieces.next();
    if (this.#isReleased) throw cancelled();
    if (done === true) {
      this.#isDone = true;
      return undefined;
    }
    if (!types.isUint8Array(value)) throw invalidRequest('the source gives something else than bytes');
    return value;
  }

  /** Lets the source go, without waiting for it; nothing where it has ended. */
  release(): void {
    if (this.#isReleased || this.#isDone) return;
    this.#isReleased = true;
    // Nobody is left whom a source could tell that it does not end well.
    this.#letGo().catch(() => undefined);
  }

  async #letGo(): Promise<void> {
    this.#pieces ??= piecesOf(this.#source);
    await this.#pieces.return?.();
  }
}

/** @throws {RequestInvalidError} for what gives no pieces */
export function checkedSource(source: ByteSource): ByteSource {
  const isObject = typeof source === 'object' && source !== null;
  if (!isObject || !(Symbol.asyncIterator in source || Symbol.iterator in source)) {
    throw invalidRequest('the source is nothing that gives bytes');
  }
  return source;
}

/** The iterators of Node's and the web's streams end only once the piece that is awaited has come: those are ended themselves. */
function piecesOf(source: ByteSource): Pieces {
  if ('getReader' in source && typeof source.getReader === 'function') return ofWebStream(source.getReader());
  const pieces = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  if (!('destroy' in source) || typeof source.destroy !== 'function') return pieces;
  const { destroy } = source;
  return { next: () => pieces.next(), return: () => destroy.call(source) };
}

function ofWebStream(reader: ReadableStreamDefaultReader<Uint8Array>): Pieces {
  const next = async (): Promise<IteratorResult<Uint8Array, unknown>> => {
    const { done, value } = await reader.read();
    return done ? { done, value } : { done, value };
  };
  return { next, return: () => reader.cancel() };
}
