import { types } from 'node:util';
import { type ByteSource, checkedSource, SourceReader } from './byte-source.ts';
import { ByteStream, EncryptedStream } from './byte-stream.ts';
import type { DuplexCall } from './duplex-call.ts';
import { invalidRequest, unexpectedAnswer } from './error-types.ts';
import type { KeysideError } from './errors.ts';
import type {
  DecryptStreamOpen,
  DecryptStreamRequest,
  DecryptStreamResponse,
  EncryptStreamOpen,
  EncryptStreamRequest,
  EncryptStreamResponse,
} from './gen/keyside/v1/stream.ts';

/** What one stream may ask for beyond its bytes. */
export interface StreamOptions {
  /**
   * Longest wait for the daemon while it is its turn, in milliseconds. Default: the client's. How long the stream lasts is not
   * limited, but the daemon ends one whose caller sends or takes nothing for its `limits.defaultDeadline`, 10 s by default.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the stream with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/** A part of an object whose body can be read anywhere, such as a file or an object of a store. */
export interface RangeInput {
  /** The object's header. */
  readonly edek: Uint8Array;
  /** The first byte of the plaintext to return. */
  readonly offset: number;
  /** The number of bytes; what lies beyond the end is left away. Default: to the end. */
  readonly length?: number | undefined;
  /** The plaintext's size. Verified where the range reaches the end. */
  readonly objectSize: number;
  /** Reads bytes of the body, which begins after the header. Called once for each span that is needed, at most three, in turn. */
  readonly read: (offset: number, length: number) => ByteSource | Promise<Uint8Array | ByteSource>;
}

/** Begins a call; nothing is sent yet. The signal ends it at any time. */
type Begin<Call> = (abandoned: AbortSignal) => Promise<Call>;
type EncryptCall = DuplexCall<EncryptStreamRequest, EncryptStreamResponse>;
type DecryptCall = DuplexCall<DecryptStreamRequest, DecryptStreamResponse>;

/** In bytes: what the daemon works off at once. */
const PIECE_BYTES = 256 * 1024;

export function encryptedStream(
  begin: Begin<EncryptCall>,
  open: () => EncryptStreamOpen,
  plaintext: ByteSource,
): EncryptedStream {
  const source = new SourceReader(plaintext);
  const abandonment = new AbortController();
  let opening: Promise<{ readonly call: EncryptCall; readonly edek: Uint8Array }> | undefined;
  const opened = () => {
    opening ??= openEncrypting(() => begin(abandonment.signal), open);
    return opening;
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    try {
      const { call } = await opened();
      yield* exchange(call, source);
    } finally {
      source.release();
    }
  }
  return new EncryptedStream({
    open: () => opened().then(({ edek }) => edek),
    chunks,
    abandon: () => abandonBoth(abandonment, source),
  });
}

async function openEncrypting(begin: () => Promise<EncryptCall>, open: () => EncryptStreamOpen) {
  const request = { open: open() };
  const call = await begin();
  await call.send(request);
  const answer = await call.receive(true);
  if (answer?.opened === undefined) throw unexpected(call);
  return { call, edek: answer.opened.edek };
}

export function decryptedStream(begin: Begin<DecryptCall>, open: () => DecryptStreamOpen, ciphertext: ByteSource): ByteStream {
  const source = new SourceReader(ciphertext);
  const abandonment = new AbortController();
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    try {
      const request = { open: open() };
      const call = await begin(abandonment.signal);
      await call.send(request);
      yield* exchange(call, source);
    } finally {
      source.release();
    }
  }
  return new ByteStream({ chunks, abandon: () => abandonBoth(abandonment, source) });
}

export function decryptedRange(begin: Begin<DecryptCall>, open: () => DecryptStreamOpen, read: RangeInput['read']): ByteStream {
  const abandonment = new AbortController();
  let source: SourceReader | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const request = { open: open() };
    const call = await begin(abandonment.signal);
    await call.send(request);
    const answer = await call.receive(true);
    if (answer?.opened === undefined) throw unexpected(call);
    source = new SourceReader(bytesOfSpans(answer.opened.spans, read));
    yield* exchange(call, source);
  }
  return new ByteStream({ chunks, abandon: () => abandonBoth(abandonment, source) });
}

/** The call first: the daemon must not take what a source says when it is let go for an end. */
function abandonBoth(call: AbortController, source: SourceReader | undefined): void {
  call.abort();
  source?.release();
}

function bytesOfSpans(
  spans: readonly { readonly offset: number; readonly length: number }[],
  read: RangeInput['read'],
): AsyncIterable<Uint8Array> {
  let part: SourceReader | undefined;
  let isReleased = false;
  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    for (const { offset, length } of spans) {
      const answer = await read(offset, length);
      part = new SourceReader(types.isUint8Array(answer) ? [answer] : checkedSource(answer));
      if (isReleased) return part.release();
      let given = 0;
      for (let piece = await part.read(); piece !== undefined; piece = await part.read()) {
        given += piece.length;
        yield piece;
      }
      if (given !== length) throw invalidRequest(`read gave ${given} of the ${length} bytes at ${offset} of the body`);
    }
  }
  const pieces = bytes();
  const release = () => {
    isReleased = true;
    part?.release();
    return pieces.return();
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => pieces.next(), return: release }) };
}

/**
 * Sends what the source gives and yields what comes back, neither ahead of the other.
 * Postcondition: it ends without an error only where everything was sent and the daemon ended the call with OK.
 * @throws {KeysideError}, or what the source threw, as it is
 */
async function* exchange(
  call: DuplexCall<{ chunk: Uint8Array }, { chunk?: Uint8Array | undefined }>,
  source: SourceReader,
): AsyncGenerator<Uint8Array, void> {
  const sending = new Sending(call, source);
  try {
    for (let message = await receive(call, sending); message !== undefined; message = await receive(call, sending)) {
      if (message.chunk !== undefined && message.chunk.length > 0) yield message.chunk;
    }
    if (!sending.isDone) throw unexpected(call);
  } finally {
    call.cancel();
    source.release();
  }
}

async function receive<Message>(call: DuplexCall<never, Message>, sending: Sending): Promise<Message | undefined> {
  try {
    return await call.receive();
  } catch (error) {
    // A source that failed ended the call: its own error says why.
    throw sending.failure === undefined ? error : sending.failure.error;
  }
}

/** The way out of a stream: runs by itself, and never ends the daemon's input but at the source's end. */
class Sending {
  readonly #call: DuplexCall<{ chunk: Uint8Array }, unknown>;
  readonly #source: SourceReader;
  isDone = false;
  failure: { readonly error: unknown } | undefined;

  constructor(call: DuplexCall<{ chunk: Uint8Array }, unknown>, source: SourceReader) {
    this.#call = call;
    this.#source = source;
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      for (let bytes = await this.#source.read(); bytes !== undefined; bytes = await this.#source.read()) await this.#send(bytes);
      this.isDone = true;
      this.#call.endSending();
    } catch (error) {
      // What is let go may fail by that.
      if (!this.#source.isReleased) this.failure = { error };
      this.#call.cancel();
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#source.isReleased; at += PIECE_BYTES) {
      await this.#call.send({ chunk: bytes.subarray(at, at + PIECE_BYTES) });
    }
  }
}

function unexpected(call: { cancel(): void }): KeysideError {
  call.cancel();
  return unexpectedAnswer('the daemon did not keep to the order of a stream');
}
