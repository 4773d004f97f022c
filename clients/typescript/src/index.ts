export type { ByteSource } from './byte-source.ts';
export { ByteStream, EncryptedStream } from './byte-stream.ts';
export {
  type EncryptOptions,
  type KeyReference,
  KeysideClient,
  type RewrapBatchOptions,
  type SecurityEvent,
} from './client.ts';
export type { CallOptions, KeysideClientOptions } from './connection.ts';
export {
  type BatchResult,
  type DecryptItem,
  type EncryptedDocument,
  type EncryptItem,
  type PlainFields,
  PlaintextDocument,
  type RewrapInput,
  type RewrapItem,
  type RewrappedKey,
  type StoredDocument,
} from './documents.ts';
export {
  AuditUnavailableError,
  CallerNotAllowedError,
  CallerUnauthenticatedError,
  CancelledError,
  CiphertextRejectedError,
  DeadlineExceededError,
  DrainingError,
  EdekMalformedError,
  InternalError,
  KeyAccessDeniedError,
  KeyDisabledHereError,
  KeyMisconfiguredError,
  KeyNotFoundError,
  KeyRevokedError,
  KmsThrottledError,
  KmsTimeoutError,
  KmsUnavailableError,
  NoPrimaryKeyError,
  OverloadedError,
  PayloadTooLargeError,
  PolicyDeniedError,
  RequestInvalidError,
  TenantUnknownError,
  UnavailableError,
} from './error-types.ts';
export { type CodeName, type ErrorFacts, KeysideError } from './errors.ts';
export type { Named } from './inputs.ts';
export type { Key, KeyCheck } from './key-answers.ts';
export type { CallMetadata, DefaultMetadata } from './metadata.ts';
export type { RangeInput, StreamOptions } from './object-stream.ts';
export type { TlsFiles } from './target.ts';
