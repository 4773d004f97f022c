import assert from 'node:assert/strict';
import {
  BatchEncryptRequest,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import type { Target } from './target.ts';

const SERVICE = '/keyside.v1.CryptoService';
export const ENCRYPT = `${SERVICE}/Encrypt`;
export const DECRYPT = `${SERVICE}/Decrypt`;
export const BATCH_ENCRYPT = `${SERVICE}/BatchEncrypt`;

/** The document of all benchmarks: five fields of 204 bytes. */
export const FIELDS: ReadonlyMap<string, Buffer> = new Map(
  Array.from({ length: 5 }, (_, at) => [`field${at}`, Buffer.alloc(204, at + 1)]),
);

export function encryptRequest(tenantId = 'acme', fields = FIELDS): Uint8Array {
  return EncryptRequest.encode({ tenantId, metadata: undefined, fields: new Map(fields), ...NEW }).finish();
}

export function batchEncryptRequest(count: number): Uint8Array {
  const documents = Array.from({ length: count }, (_, at) => ({ id: String(at), fields: new Map(FIELDS), ...NEW }));
  return BatchEncryptRequest.encode({ tenantId: 'acme', documents, metadata: undefined }).finish();
}

const NEW = { edek: new Uint8Array(0), context: new Map<string, string>() };

/** Encrypts the document, decrypts it and compares; the request that decrypts it. */
export async function storedRequest(target: Target): Promise<Uint8Array> {
  const encrypted = EncryptResponse.decode(await target.call(ENCRYPT, encryptRequest()));
  const request = DecryptRequest.encode({ tenantId: 'acme', metadata: undefined, ...encrypted, context: new Map() }).finish();
  const { fields } = DecryptResponse.decode(await target.call(DECRYPT, request));
  for (const [name, value] of FIELDS) assert.deepEqual(Buffer.from(fields.get(name) ?? []), value);
  return request;
}
