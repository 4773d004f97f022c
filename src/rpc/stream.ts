import { setImmediate } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import { CallRecord, type RecordedMethod } from './call-record.ts';
import { RpcScope } from './call-scope.ts';
import type { Operation } from './callers.ts';
import type { Decoded } from './messages.ts';
import { boundReadAhead } from './read-ahead.ts';
import { toKeysideError, toServerError } from './status.ts';
import { admitted, header, type ParsedCall, type TenantRequest, type UnaryParts } from './unary.ts';

/** A stream that opens with one message and then carries chunks both ways. */
export interface StreamMethod<Opening extends TenantRequest, Request, Response> extends RecordedMethod {
  readonly operation: Operation;
  /** What the first message opens; undefined where it opens nothing. */
  opening(request: Request): Opening | undefined;
  handle(opening: Opening, call: ParsedCall, wire: Wire<Request, Response>): Promise<void>;
}

/** Both directions of one stream, each at the pace of the other side: nothing is read ahead of what was worked off. */
export interface Wire<Request, Response> {
  /**
   * The next message; undefined where the caller has ended its side.
   * @throws {KeysideError} REQUEST_INVALID; CANCELLED or DEADLINE_EXCEEDED where the call ended or the caller fell silent
   */
  next(): Promise<Request | undefined>;
  /** Sends, and waits until there is room for more. */
  send(response: Response): Promise<void>;
}

type Call<Request, Response> = ServerDuplexStream<Decoded<Request>, Response>;

/** The way every stream goes once it passed the gate. It ends in one log line and one measurement, as a unary call does. */
export function bidirectional<Opening extends TenantRequest, Request, Response>(
  parts: UnaryParts,
  method: StreamMethod<Opening, Request, Response>,
): (call: Call<Request, Response>) => void {
  return (call) => {
    void run(parts, method, call);
  };
}

async function run<Opening extends TenantRequest, Request, Response>(
  parts: UnaryParts,
  method: StreamMethod<Opening, Request, Response>,
  call: Call<Request, Response>,
): Promise<void> {
  const startedAtMs = performance.now();
  const span = parts.telemetry.startRequest(method.name, (name) => header(call.metadata, name));
  // An object takes as long as it takes; what is bounded is the silence between two messages.
  const scope = new RpcScope(call, span, Number.POSITIVE_INFINITY);
  const record = new CallRecord(parts, method, scope);
  const wire = new StreamWire(call, scope, parts.defaultDeadlineMs);
  try {
    await handle(parts, method, { call, scope, record, wire });
    record.end('OK', performance.now() - startedAtMs);
    call.end();
  } catch (thrown) {
    const error = toKeysideError(thrown);
    record.end(error.reason, performance.now() - startedAtMs, error);
    call.emit('error', toServerError(error));
  } finally {
    scope.close();
    parts.gate.answered(call.metadata);
  }
}

async function handle<Opening extends TenantRequest, Request, Response>(
  parts: UnaryParts,
  method: StreamMethod<Opening, Request, Response>,
  rpc: { call: Call<Request, Response>; scope: RpcScope; record: CallRecord; wire: Wire<Request, Response> },
): Promise<void> {
  const { call, scope, record, wire } = rpc;
  const { operation } = method;
  scope.assertLive();
  scope.callerId = parts.gate.callerOf(call.metadata).id;
  const first = await wire.next();
  const request = first === undefined ? undefined : method.opening(first);
  if (request === undefined) throw new KeysideError('REQUEST_INVALID', 'the first message of a stream must be `open`');
  const admittance = { headers: call.metadata, request, operation, scope, record };
  await admitted(parts, admittance, (parsed) => method.handle(request, parsed, wire));
}

class StreamWire<Request, Response> implements Wire<Request, Response> {
  readonly #call: Call<Request, Response>;
  readonly #scope: RpcScope;
  readonly #maxSilenceMs: number;
  readonly #messages: AsyncIterator<Decoded<Request>>;

  constructor(call: Call<Request, Response>, scope: RpcScope, maxSilenceMs: number) {
    this.#call = call;
    this.#scope = scope;
    this.#maxSilenceMs = maxSilenceMs;
    boundReadAhead(call);
    this.#messages = call.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  }

  async next(): Promise<Request | undefined> {
    const { done, value } = await this.#within(this.#read(), 'the caller sent nothing');
    if (done === true) {
      // A torn connection ends what is read before it is known to be torn: the end of an object must not be taken from it.
      await setImmediate();
      this.#scope.assertLive();
      return undefined;
    }
    this.#scope.assertLive();
    const decoded = value as Decoded<Request>;
    if ('fault' in decoded) throw decoded.fault;
    return decoded.message;
  }

  async send(response: Response): Promise<void> {
    this.#scope.assertLive();
    if (this.#call.write(response)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#call.once('drain', resolve);
    try {
      await this.#within(promise, 'the caller took nothing');
    } finally {
      this.#call.removeListener('drain', resolve);
    }
  }

  /** A stream that is torn down ends in errors of Node's; what they mean is that the caller is gone. */
  async #read(): Promise<IteratorResult<Decoded<Request>, unknown>> {
    try {
      return await this.#messages.next();
    } catch (cause) {
      throw new KeysideError('CANCELLED', 'the stream was torn down', { cause });
    }
  }

  /** What `work` yields, unless the call ends or the silence lasts too long. */
  async #within<T>(work: Promise<T>, silence: string): Promise<T> {
    const { signal } = this.#scope;
    signal.throwIfAborted();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    const tooLong = (): void => reject(new KeysideError('DEADLINE_EXCEEDED', `${silence} for ${this.#maxSilenceMs} ms`));
    const timer = setTimeout(tooLong, this.#maxSilenceMs);
    signal.addEventListener('abort', onAbort, { once: true });
    work.catch(() => undefined); // where the call ended first, nobody waits for it any more
    try {
      return await Promise.race([work, ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }
}
