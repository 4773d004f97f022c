import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { CRYPTO } from '../integration/requests.ts';
import { ATTACKERS } from './attacked-daemon.ts';

/** How a call ended that was spoken by hand. */
export interface Seen {
  /** Undefined where the daemon closed the stream or the connection without a status. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly hasRetryInfo: boolean;
}

/** One call of a client that keeps no rules. */
export interface RawCall {
  readonly stream: ClientHttp2Stream;
  readonly ended: Promise<Seen>;
}

/** What Node lets a client keep; its 10 MB would be the first limit that is met. */
const CLIENT_MEMORY_MB = 1_000;

/** One connection of a client that keeps no rules: it sends what it likes when it likes, and reads or does not. */
export class RawConnection {
  readonly session: ClientHttp2Session;

  constructor(tcp: string) {
    this.session = connect(`http://${tcp}`, { maxSessionMemory: CLIENT_MEMORY_MB });
    this.session.on('error', () => undefined); // the daemon may close what is of no good to it
  }

  /** Sends headers; the body is the caller's matter. `isRead`: whether the reply's body is taken. */
  open(method: string, { isRead = true, headers = {} }: { isRead?: boolean; headers?: IncomingHttpHeaders } = {}): RawCall {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': `/${method.includes('/') ? method : `${CRYPTO}/${method}`}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${ATTACKERS.token}`,
      ...headers,
    });
    stream.on('error', () => undefined);
    if (isRead) stream.resume();
    return { stream, ended: seenOf(stream) };
  }

  close(): void {
    this.session.destroy();
  }
}

/** The prefix of a gRPC message. */
export function prefix(size: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

export function frame(message: Uint8Array): Buffer {
  return Buffer.concat([prefix(message.length), message]);
}

function seenOf(stream: ClientHttp2Stream): Promise<Seen> {
  const { promise, resolve } = Promise.withResolvers<Seen>();
  const onHeaders = (headers: IncomingHttpHeaders): void => {
    if (headers['grpc-status'] !== undefined) resolve(readStatus(headers));
  };
  stream.on('response', onHeaders);
  stream.on('trailers', onHeaders);
  stream.once('close', () => resolve({ code: undefined, reason: undefined, hasRetryInfo: false }));
  return promise;
}

function readStatus(headers: IncomingHttpHeaders): Seen {
  const encoded = headers['grpc-status-details-bin'];
  const details = typeof encoded === 'string' ? Status.decode(Buffer.from(encoded, 'base64')).details : [];
  const info = details.find(({ typeUrl }) => typeUrl.endsWith('google.rpc.ErrorInfo'))?.value;
  const retry = details.find(({ typeUrl }) => typeUrl.endsWith('google.rpc.RetryInfo'))?.value;
  return {
    code: status[Number(headers['grpc-status'])],
    reason: info && ErrorInfo.decode(info).reason,
    hasRetryInfo: retry !== undefined && RetryInfo.decode(retry).retryDelay !== undefined,
  };
}
