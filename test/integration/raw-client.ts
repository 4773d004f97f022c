import { Client, type ClientOptions, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';

/** How a call ended, as a client of any language sees it. */
export interface Ended {
  readonly code: string;
  /** `OK`, or the reason in ErrorInfo. */
  readonly reason: string;
  readonly message: string;
  readonly details: ReadonlyMap<string, string>;
  readonly retryAfterMs: number | undefined;
  readonly bytes: Buffer;
}

export interface RawCall {
  readonly method: string;
  readonly request: Uint8Array;
  readonly token?: string | undefined;
  readonly deadlineMs?: number;
  /** Handed the call that is under way, to cancel it. */
  readonly onStarted?: (call: { cancel(): void }) => void;
}

/** A client that sends what bytes it is given and judges nothing. */
export class RawClient {
  readonly #client: Client;

  constructor(address: string, options: ClientOptions = {}) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1, ...options });
  }

  call({ method, request, token, deadlineMs = 10_000, onStarted }: RawCall): Promise<Ended> {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    const bytes = (value: Uint8Array): Buffer => Buffer.from(value);
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        `/${method}`,
        bytes,
        (answer: Buffer) => answer,
        request,
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error, answer) => resolve(error === null ? succeeded(answer as Buffer) : failed(error)),
      );
      onStarted?.(call);
    });
  }

  close(): void {
    this.#client.close();
  }
}

function succeeded(bytes: Buffer): Ended {
  return { code: 'OK', reason: 'OK', message: '', details: new Map(), retryAfterMs: undefined, bytes };
}

function failed(error: ServiceError): Ended {
  const trailer = error.metadata.get('grpc-status-details-bin')[0];
  const details = trailer === undefined ? [] : Status.decode(trailer as Buffer).details;
  const value = (name: string): Uint8Array | undefined => details.find(({ typeUrl }) => typeUrl.endsWith(name))?.value;
  const info = value('ErrorInfo');
  const retry = value('RetryInfo');
  const parsed = info === undefined ? undefined : ErrorInfo.decode(info);
  const delay = retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay;
  return {
    code: status[error.code] as string,
    reason: parsed?.reason ?? '',
    message: error.details,
    details: parsed?.metadata ?? new Map(),
    retryAfterMs: delay && delay.seconds * 1000 + delay.nanos / 1e6,
    bytes: Buffer.alloc(0),
  };
}
