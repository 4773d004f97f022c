import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { DataEvent } from '../audit/event.ts';
import { KeysideError } from '../core/errors.ts';
import { recordDenial, settledFor } from './call-audit.ts';
import { CallRecord, type RecordedMethod } from './call-record.ts';
import { RpcScope } from './call-scope.ts';
import type { Operation } from './callers.ts';
import type { Decoded } from './messages.ts';
import { toKeysideError, toServerError } from './status.ts';
import { StreamWire, type Wire } from './stream-wire.ts';
import { admit, header, type ParsedCall, type TenantRequest, type UnaryParts } from './unary.ts';

export interface StreamParts extends UnaryParts {
  /** How long a stream may last, whatever passes through it. */
  readonly maxStreamAgeMs: number;
}

/** A stream that opens with one message and then carries chunks both ways. */
export interface StreamMethod<Opening extends TenantRequest, Request, Response> extends RecordedMethod {
  readonly operation: Operation;
  /** What the audit trail calls it. */
  readonly auditKind?: DataEvent['kind'];
  /** What the first message opens; undefined where it opens nothing. */
  opening(request: Request): Opening | undefined;
  /** Whether a message carries bytes of the object or opens one: others do not keep a stream alive. */
  bringsSomething(request: Request): boolean;
  handle(opening: Opening, call: ParsedCall, wire: Wire<Request, Response>): Promise<void>;
}

type Call<Request, Response> = ServerDuplexStream<Decoded<Request>, Response>;

/** The way every stream goes once it passed the gate. It ends in one log line and one measurement, as a unary call does. */
export function bidirectional<Opening extends TenantRequest, Request, Response>(
  parts: StreamParts,
  method: StreamMethod<Opening, Request, Response>,
): (call: Call<Request, Response>) => void {
  return (call) => {
    void run(parts, method, call);
  };
}

async function run<Opening extends TenantRequest, Request, Response>(
  parts: StreamParts,
  method: StreamMethod<Opening, Request, Response>,
  call: Call<Request, Response>,
): Promise<void> {
  const startedAtMs = performance.now();
  const span = parts.telemetry.startRequest(method.name, (name) => header(call.metadata, name));
  // An object takes as long as it takes; what is bounded is the silence between two messages, and the age of the stream.
  const scope = new RpcScope(call, span, Number.POSITIVE_INFINITY);
  const record = new CallRecord(parts, method, scope);
  const { bringsSomething } = method;
  const { defaultDeadlineMs: maxSilenceMs, maxStreamAgeMs: maxAgeMs } = parts;
  using wire = new StreamWire({ call, scope, maxSilenceMs, maxAgeMs, bringsSomething });
  try {
    await handle(parts, method, { call, scope, record, wire });
    record.end('OK', performance.now() - startedAtMs);
    call.end();
  } catch (thrown) {
    const error = toKeysideError(await onRecord(parts, method, { record, startedAtMs, thrown }));
    record.end(error.reason, performance.now() - startedAtMs, error);
    call.emit('error', toServerError(error));
  } finally {
    scope.close();
    parts.gate.answered(call.metadata);
  }
}

/** What the stream is to be ended with once its refusal is on record: what was thrown, or that it could not be recorded. */
async function onRecord(
  { audit }: StreamParts,
  { auditKind }: Pick<StreamMethod<TenantRequest, never, never>, 'auditKind'>,
  { record, startedAtMs, thrown }: { record: CallRecord; startedAtMs: number; thrown: unknown },
): Promise<unknown> {
  try {
    if (auditKind !== undefined) recordDenial(audit, { record, kind: auditKind, startedAtMs, error: thrown });
    await settledFor(audit, record);
    return thrown;
  } catch (error) {
    return error;
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
  const caller = parts.gate.callerOf(call.metadata);
  scope.callerId = caller.id;
  const first = await wire.next();
  const request = first === undefined ? undefined : method.opening(first);
  if (request === undefined) throw new KeysideError('REQUEST_INVALID', 'the first message of a stream must be `open`');
  const parsed = admit(parts, { headers: call.metadata, caller, request, operation, scope, record });
  try {
    await method.handle(request, parsed, wire);
  } finally {
    parsed.leave();
  }
}
