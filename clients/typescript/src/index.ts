export {
  type CallMetadata,
  type EncryptedDocument,
  type KeyReference,
  KeysideClient,
  type RewrapInput,
  type RewrappedKey,
  type SecurityEvent,
} from './client.ts';
export type { CallOptions, KeysideClientOptions } from './connection.ts';
export { type CodeName, KeysideClientError } from './errors.ts';
export type { Key, KeyCheck } from './key-answers.ts';
export type { ByteSource, EncryptedStream, RangeInput, StreamOptions } from './object-stream.ts';
export type { TlsFiles } from './target.ts';
