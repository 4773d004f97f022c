import { SinkError, type SinkFailure } from './sink.ts';

/** Names of errors that all services of AWS have in common, and what an operator should look at. */
const FAILURES: Readonly<Record<string, SinkFailure>> = {
  AccessDenied: 'forbidden',
  AccessDeniedException: 'forbidden',
  CredentialsProviderError: 'unauthorized',
  ExpiredToken: 'unauthorized',
  ExpiredTokenException: 'unauthorized',
  IncompleteSignature: 'unauthorized',
  InvalidAccessKeyId: 'unauthorized',
  InvalidClientTokenId: 'unauthorized',
  InvalidSignatureException: 'unauthorized',
  LimitExceededException: 'overloaded',
  MissingAuthenticationToken: 'unauthorized',
  NoSuchBucket: 'misconfigured',
  PermanentRedirect: 'misconfigured',
  RequestTimeTooSkewed: 'unauthorized',
  ResourceNotFoundException: 'misconfigured',
  ServiceUnavailable: 'overloaded',
  ServiceUnavailableException: 'overloaded',
  SignatureDoesNotMatch: 'unauthorized',
  SlowDown: 'overloaded',
  ThrottlingException: 'overloaded',
  TooManyRequestsException: 'overloaded',
  UnrecognizedClientException: 'unauthorized',
};

const BY_STATUS: Readonly<Record<number, SinkFailure>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'misconfigured',
  429: 'overloaded',
  503: 'overloaded',
};

/** An error of an AWS SDK as a sink's. The SDK's messages name hosts, groups and roles, never keys. */
export function awsFailure(thrown: unknown): SinkError {
  if (thrown instanceof SinkError) return thrown;
  if (!(thrown instanceof Error)) return new SinkError('unreachable', String(thrown));
  const status = statusOf(thrown);
  const byStatus = status === undefined ? undefined : (BY_STATUS[status] ?? (status >= 500 ? 'unreachable' : 'refused'));
  const failure = FAILURES[thrown.name] ?? byStatus ?? 'unreachable';
  return new SinkError(failure, `${thrown.name}: ${thrown.message}`, { cause: thrown });
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object' || error.$metadata === null) return undefined;
  const { httpStatusCode } = error.$metadata as { readonly httpStatusCode?: unknown };
  return typeof httpStatusCode === 'number' ? httpStatusCode : undefined;
}
