import { status as Code, type ServiceError } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from './gen/google/rpc/error_details.ts';
import { Status } from './gen/google/rpc/status.ts';

/** The name of a gRPC code, e.g. `FAILED_PRECONDITION`. */
export type CodeName = keyof typeof Code;

const DOMAIN = 'keyside.dev';
const DETAILS_TRAILER = 'grpc-status-details-bin';
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/** What the operating system says of a connection that could not be made. */
const CONNECTION_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'the path is not a socket',
  EACCES: 'permission denied',
  ENOTFOUND: 'the host is not known',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it broke the connection off',
};

interface ErrorFacts {
  readonly reason: string;
  readonly code: CodeName;
  readonly details?: ReadonlyMap<string, string>;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Why a call failed. Its message is `REASON: sentence`; decide by `reason`, for sentences change. */
export class KeysideClientError extends Error {
  override readonly name = 'KeysideClientError';
  /** One of the reasons in docs/errors.md; the code's name where no daemon gave one, e.g. `UNAVAILABLE`. */
  readonly reason: string;
  readonly code: CodeName;
  /** Facts that the daemon gave, e.g. `keyId` or `limitBytes`. */
  readonly details: ReadonlyMap<string, string>;
  /** How long to wait before a retry, in milliseconds; undefined where a retry does not help. */
  readonly retryAfterMs: number | undefined;

  constructor(sentence: string, { reason, code, details = new Map(), retryAfterMs, cause }: ErrorFacts) {
    super(`${reason}: ${sentence}`, { cause });
    this.reason = reason;
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A request that is refused here, before anything is sent. */
export function invalidRequest(sentence: string): KeysideClientError {
  return new KeysideClientError(sentence, { reason: 'REQUEST_INVALID', code: 'INVALID_ARGUMENT' });
}

/** What grpc-js reports, as our own error: what the daemon sent along, or in words why no daemon answered. */
export function fromServiceError(error: ServiceError, address: string): KeysideClientError {
  const code = Code[error.code] as CodeName;
  const [trailer] = error.metadata?.get(DETAILS_TRAILER) ?? [];
  const sent = typeof trailer === 'object' ? detailsIn(trailer) : {};
  if (sent.info !== undefined)
    return answered(error.details, { code, info: sent.info, retryAfterMs: sent.retryAfterMs, cause: error });
  return new KeysideClientError(localSentence(error, address), { reason: code, code, cause: error });
}

/** A `google.rpc.Status` within an answer, as our own error. */
export function fromStatus(status: Status): KeysideClientError {
  const code = (Code[status.code] ?? 'UNKNOWN') as CodeName;
  return answered(status.message, { code, ...detailsOf(status) });
}

interface Answer extends SentDetails {
  readonly code: CodeName;
  readonly cause?: unknown;
}

function answered(message: string, { code, info, retryAfterMs, cause }: Answer): KeysideClientError {
  const reason = info?.reason ?? code;
  const sentence = message.startsWith(`${reason}: `) ? message.slice(reason.length + 2) : message;
  return new KeysideClientError(sentence, { reason, code, details: info?.metadata ?? new Map(), retryAfterMs, cause });
}

interface SentDetails {
  readonly info?: ErrorInfo | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Nothing where the trailer is not what a daemon sends: a proxy's error must not hide behind a parser's. */
function detailsIn(trailer: Uint8Array): SentDetails {
  try {
    return detailsOf(Status.decode(trailer));
  } catch {
    return {};
  }
}

function detailsOf({ details }: Status): SentDetails {
  const find = (name: string) => details.find(({ typeUrl }) => typeUrl === `${TYPE_PREFIX}${name}`)?.value;
  const [infoBytes, retryBytes] = [find('ErrorInfo'), find('RetryInfo')];
  const info = infoBytes && ErrorInfo.decode(infoBytes);
  const delay = retryBytes && RetryInfo.decode(retryBytes).retryDelay;
  return {
    info: info?.domain === DOMAIN ? info : undefined,
    retryAfterMs: delay && delay.seconds * 1_000 + delay.nanos / 1_000_000,
  };
}

/** No daemon said this: the connection failed, the time was up, or something else answers there. */
function localSentence({ code, details }: ServiceError, address: string): string {
  if (code === Code.DEADLINE_EXCEEDED) return `no answer from ${address} in time`;
  if (code !== Code.UNAVAILABLE) return details;
  const failure = /\b(E[A-Z]{4,})\b/.exec(details)?.[1] ?? '';
  // grpc-js puts the cause between words of its own and a time.
  const cause = /Last error: (?:Error: )?(.*?)\.? *(?:\(\d{4}-\S+\)\.? *)?(?:Resolution note:.*)?$/s.exec(details)?.[1];
  return `no daemon answers at ${address} (${CONNECTION_FAILURES[failure] ?? cause ?? details})`;
}
