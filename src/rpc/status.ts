import { Metadata, type ServerErrorResponse, status } from '@grpc/grpc-js';
import { KeysideError, reasonEntry } from '../core/errors.ts';
import { ErrorInfo, RetryInfo } from '../gen/google/rpc/error_details.ts';
import { Status } from '../gen/google/rpc/status.ts';

const DOMAIN = 'keyside.dev';
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';
const DETAILS_TRAILER = 'grpc-status-details-bin';

/** Any error as the one kind that leaves the daemon. What is not a KeysideError is a fault of ours; its text stays in the log. */
export function toKeysideError(error: unknown): KeysideError {
  if (error instanceof KeysideError && error.reason !== 'INTERNAL') return error;
  return new KeysideError('INTERNAL', 'the daemon failed; its log has the cause', { cause: error });
}

/** `google.rpc.Status` with ErrorInfo, and RetryInfo where a retry helps. The message begins with the reason. */
export function toStatus(error: KeysideError): Status {
  const details = [
    {
      typeUrl: `${TYPE_PREFIX}ErrorInfo`,
      value: ErrorInfo.encode({ reason: error.reason, domain: DOMAIN, metadata: new Map(stringEntries(error)) }).finish(),
    },
  ];
  if (error.retryAfterMs !== undefined) {
    const nanos = Math.round(error.retryAfterMs * 1_000_000);
    const retryDelay = { seconds: Math.floor(nanos / 1_000_000_000), nanos: nanos % 1_000_000_000 };
    const value = RetryInfo.encode({ retryDelay }).finish();
    details.push({ typeUrl: `${TYPE_PREFIX}RetryInfo`, value });
  }
  return { code: statusCode(error), message: `${error.reason}: ${error.message}`, details };
}

/** The same as grpc-js sends it: status, message, and the details as a trailer. */
export function toServerError(error: KeysideError): ServerErrorResponse {
  const { code, message, details } = toStatus(error);
  const metadata = new Metadata();
  metadata.set(DETAILS_TRAILER, Buffer.from(Status.encode({ code, message, details }).finish()));
  return { name: error.name, message, code, details: message, metadata };
}

function statusCode(error: KeysideError): status {
  return status[reasonEntry(error.reason).code];
}

function* stringEntries(error: KeysideError): Generator<[string, string]> {
  for (const [key, value] of Object.entries(error.details)) yield [key, String(value)];
}
