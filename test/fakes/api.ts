import { LogSecurityEventRequest, LogSecurityEventResponse } from '../../src/gen/keyside/v1/audit.ts';
import {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  BatchEncryptResponse,
  BatchRewrapRequest,
  BatchRewrapResponse,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  RewrapRequest,
  RewrapResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import {
  CheckKeyRequest,
  CheckKeyResponse,
  DropKeysRequest,
  DropKeysResponse,
  ListKeysRequest,
  ListKeysResponse,
} from '../../src/gen/keyside/v1/key.ts';
import { RequestMetadata } from '../../src/gen/keyside/v1/metadata.ts';

/** The RPCs as a client written by hand would call them. */
export const RPC = {
  encrypt: { path: '/keyside.v1.CryptoService/Encrypt', request: EncryptRequest, response: EncryptResponse },
  decrypt: { path: '/keyside.v1.CryptoService/Decrypt', request: DecryptRequest, response: DecryptResponse },
  rewrap: { path: '/keyside.v1.CryptoService/Rewrap', request: RewrapRequest, response: RewrapResponse },
  batchEncrypt: { path: '/keyside.v1.CryptoService/BatchEncrypt', request: BatchEncryptRequest, response: BatchEncryptResponse },
  batchDecrypt: { path: '/keyside.v1.CryptoService/BatchDecrypt', request: BatchDecryptRequest, response: BatchDecryptResponse },
  batchRewrap: { path: '/keyside.v1.CryptoService/BatchRewrap', request: BatchRewrapRequest, response: BatchRewrapResponse },
  checkKey: { path: '/keyside.v1.KeyService/CheckKey', request: CheckKeyRequest, response: CheckKeyResponse },
  listKeys: { path: '/keyside.v1.KeyService/ListKeys', request: ListKeysRequest, response: ListKeysResponse },
  logSecurityEvent: {
    path: '/keyside.v1.AuditService/LogSecurityEvent',
    request: LogSecurityEventRequest,
    response: LogSecurityEventResponse,
  },
  dropKeys: { path: '/keyside.v1.KeyService/DropKeys', request: DropKeysRequest, response: DropKeysResponse },
} as const;

/** Plaintexts by name. */
export function plain(fields: Readonly<Record<string, string>>): Map<string, Uint8Array> {
  return new Map(Object.entries(fields).map(([name, text]) => [name, Buffer.from(text)]));
}

/** Plaintexts as text. */
export function textsOf(fields: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...fields].map(([name, value]) => [name, Buffer.from(value).toString()]));
}

export function metadataOf(change: Partial<RequestMetadata>): RequestMetadata {
  return { ...RequestMetadata.decode(new Uint8Array()), ...change };
}
