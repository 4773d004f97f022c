import { EncryptedStream } from './byte-stream.ts';
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

/** Bytes in pieces of any length: an async generator, a Node `Readable`, a web `ReadableStream`, an array. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

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

/** Begins a call; nothing is sent yet. */
type Begin<Call> = () => Promise<Call>;
type EncryptCall = DuplexCall<EncryptStreamRequest, EncryptStreamResponse>;
type DecryptCall = DuplexCall<DecryptStreamRequest, DecryptStreamResponse>;

/** In bytes: what the daemon works off at once. */
const PIECE_BYTES = 256 * 1024;

export function encryptedStream(
  begin: Begin<EncryptCall>,
  open: () => EncryptStreamOpen,
  plaintext: ByteSource,
): EncryptedStream {
  let opening: Promise<{ readonly call: EncryptCall; readonly edek: Uint8Array }> | undefined;
  const opened = () => {
    opening ??= openEncrypting(begin, open);
    return opening;
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const { call } = await opened();
    yield* exchange(call, plaintext);
  }
  return new EncryptedStream({
    open: () => opened().then(({ edek }) => edek),
    chunks,
    cancel: () => void opening?.then(({ call }) => call.cancel()).catch(() => undefined),
  });
}

async function openEncrypting(begin: Begin<EncryptCall>, open: () => EncryptStreamOpen) {
  const request = { open: open() };
  const call = await begin();
  await call.send(request);
  const answer = await call.receive(true);
  if (answer?.opened === undefined) throw unexpected(call);
  return { call, edek: answer.opened.edek };
}

export async function* decryptedStream(
  begin: Begin<DecryptCall>,
  open: () => DecryptStreamOpen,
  ciphertext: ByteSource,
): AsyncGenerator<Uint8Array, void> {
  const request = { open: open() };
  const call = await begin();
  await call.send(request);
  yield* exchange(call, ciphertext);
}

export async function* decryptedRange(
  begin: Begin<DecryptCall>,
  open: () => DecryptStreamOpen,
  read: RangeInput['read'],
): AsyncGenerator<Uint8Array, void> {
  const request = { open: open() };
  const call = await begin();
  await call.send(request);
  const answer = await call.receive(true);
  if (answer?.opened === undefined) throw unexpected(call);
  yield* exchange(call, bytesOfSpans(answer.opened.spans, read));
}

async function* bytesOfSpans(
  spans: readonly { readonly offset: number; readonly length: number }[],
  read: RangeInput['read'],
): AsyncGenerator<Uint8Array, void> {
  for (const { offset, length } of spans) {
    const answer = await read(offset, length);
    let given = 0;
    for await (const chunk of answer instanceof Uint8Array ? [answer] : answer) {
      given += chunk.length;
      yield chunk;
    }
    if (given !== length) throw invalidRequest(`read gave ${given} of the ${length} bytes at ${offset} of the body`);
  }
}

/**
 * Sends what the source gives and yields what comes back, neither ahead of the other.
 * Postcondition: it ends without an error only where everything was sent and the daemon ended the call with OK.
 * @throws {KeysideError}, or what the source threw, as it is
 */
async function* exchange(
  call: DuplexCall<{ chunk: Uint8Array }, { chunk?: Uint8Array | undefined }>,
  source: ByteSource,
): AsyncGenerator<Uint8Array, void> {
  const sending = new Sending(call, source);
  try {
    for (let message = await receive(call, sending); message !== undefined; message = await receive(call, sending)) {
      if (message.chunk !== undefined && message.chunk.length > 0) yield message.chunk;
    }
    if (!sending.isDone) throw unexpected(call);
  } finally {
    call.cancel();
    sending.stop();
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
  #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array> | undefined;
  #isStopped = false;
  isDone = false;
  failure: { readonly error: unknown } | undefined;

  constructor(call: DuplexCall<{ chunk: Uint8Array }, unknown>, source: ByteSource) {
    this.#call = call;
    void this.#run(source);
  }

  /** Lets the source go, without waiting for it. */
  stop(): void {
    if (this.#isStopped || this.isDone) return;
    this.#isStopped = true;
    Promise.resolve(this.#source?.return?.()).catch(() => undefined);
  }

  async #run(bytes: ByteSource): Promise<void> {
    try {
      const source = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]();
      this.#source = source;
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        if (!(next.value instanceof Uint8Array)) throw invalidRequest('the source gives something else than bytes');
        await this.#send(next.value);
        if (this.#isStopped) return;
      }
    } catch (error) {
      this.failure = { error };
      this.#call.cancel();
      return;
    }
    if (this.#isStopped) return;
    this.isDone = true;
    this.#call.endSending();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isStopped; at += PIECE_BYTES) {
      await this.#call.send({ chunk: bytes.subarray(at, at + PIECE_BYTES) });
    }
  }
}

function unexpected(call: { cancel(): void }): KeysideError {
  call.cancel();
  return unexpectedAnswer('the daemon did not keep to the order of a stream');
}
