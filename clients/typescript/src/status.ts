import type { Buffer } from 'node:buffer';
import { status as Code, type ServiceError } from '@grpc/grpc-js';
import { cancelled, errorOf, lateAnswer } from './error-types.ts';
import type { CodeName, KeysideError } from './errors.ts';
import { ErrorInfo, RetryInfo } from './gen/google/rpc/error_details.ts';
import { Status } from './gen/google/rpc/status.ts';

const DETAILS_TRAILER = 'grpc-status-details-bin';
const DOMAIN = 'keyside.dev';
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/** What is said of a connection that could not be made, by the code of the operating system's error or in grpc-js' words. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'the path is not a socket',
  EACCES: 'permission denied',
  ENOTFOUND: 'the host is not known',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it broke the connection off',
  EPIPE: 'it broke the connection off',
  'Failed to connect': 'it closed the connection',
  'Name resolution failed': 'the host is not known',
};

/** What a `ServiceError` is: some faults reach the caller without what its type promises. */
type Transported = Partial<Pick<ServiceError, 'code' | 'details' | 'metadata'>>;

/** grpc-js' words for a connection that could not be made. */
const UNREACHABLE = /^(No connection established|Name resolution failed)/;

/** grpc-js' words for the end of a connection under a call. */
const BROKEN = /^(Connection dropped|Write (error|failed)|\w+ (ECONNRESET|ETIMEDOUT|EPIPE)\b)/;

/** What grpc-js reports, as our own error: what the daemon sent along, or in words why no daemon answered. */
export function failureOf(error: Transported, address: string): KeysideError {
  const { details = 'the transport gave no reason' } = error;
  const code = codeName(error.code);
  const sent = detailsIn(error.metadata?.get(DETAILS_TRAILER)[0]);
  if (sent.info === undefined) {
    if (code === 'DEADLINE_EXCEEDED') return lateAnswer(address);
    if (code === 'CANCELLED' && details === 'Cancelled on client') return cancelled();
    if (code === 'UNAVAILABLE' && UNREACHABLE.test(details)) return unreachable(address, error);
    if (code === 'UNAVAILABLE' && BROKEN.test(details)) return brokenOff(address, error);
  }
  return answered(details, { code, ...sent });
}

/** A `google.rpc.Status` within an answer, as our own error. */
export function fromStatus(status: Status): KeysideError {
  return answered(status.message, { code: codeName(status.code), ...detailsOf(status) });
}

/** No daemon answers there. @param cause what grpc-js says; undefined where nothing came at all */
export function unreachable(address: string, cause?: Transported): KeysideError {
  return unavailable(`no daemon answers at ${address} (${causeIn(cause?.details)})`, cause);
}

/** The connection ended under a call: whether it was carried out is not known. */
function brokenOff(address: string, cause: Transported): KeysideError {
  return unavailable(`the connection to ${address} ended before the answer`, cause);
}

function unavailable(sentence: string, cause: Transported | undefined): KeysideError {
  return errorOf(sentence, { reason: 'UNAVAILABLE', code: 'UNAVAILABLE', isRetryable: true, cause });
}

function causeIn(details: string | undefined): string {
  if (details === undefined || !UNREACHABLE.test(details)) return 'it does not answer';
  const known = /\b(E[A-Z]{4,}|Failed to connect|Name resolution failed)\b/.exec(details)?.[1] ?? '';
  // grpc-js puts what it heard between words of its own and a time.
  const [, words] = /Last error: (?:Error: )?(.*?)\.? *(?:\(\d{4}-\S+\)\.? *)?(?:Resolution note:.*)?$/s.exec(details) ?? [];
  return CAUSES[known] ?? words ?? details;
}

/** UNKNOWN for a number that gRPC does not know. */
function codeName(code = Code.UNKNOWN): CodeName {
  return (Code[code] as CodeName | undefined) ?? 'UNKNOWN';
}

interface Answer extends SentDetails {
  readonly code: CodeName;
}

function answered(message: string, { code, info, retryAfterMs }: Answer): KeysideError {
  const reason = info?.reason || code;
  const sentence = message.startsWith(`${reason}: `) ? message.slice(reason.length + 2) : message;
  // Where no daemon said why, nothing is known but that nobody answered.
  const isRetryable = info === undefined ? code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' : undefined;
  return errorOf(sentence, { reason, code, details: info?.metadata, retryAfterMs, isRetryable });
}

interface SentDetails {
  readonly info?: ErrorInfo | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Nothing where the trailer is not what a daemon sends: a proxy's error must not hide behind a parser's. */
function detailsIn(trailer: Buffer | string | undefined): SentDetails {
  if (!(trailer instanceof Uint8Array)) return {};
  try {
    return detailsOf(Status.decode(trailer));
  } catch {
    return {};
  }
}

/** What a daemon of ours sent; another system's details are none. */
function detailsOf({ details }: Status): SentDetails {
  const find = (name: string) => details.find(({ typeUrl }) => typeUrl === `${TYPE_PREFIX}${name}`)?.value;
  const [infoBytes, retryBytes] = [find('ErrorInfo'), find('RetryInfo')];
  const info = infoBytes && ErrorInfo.decode(infoBytes);
  if (info?.domain !== DOMAIN) return {};
  const delay = retryBytes && RetryInfo.decode(retryBytes).retryDelay;
  return { info, retryAfterMs: delay && delay.seconds * 1_000 + delay.nanos / 1_000_000 };
}
