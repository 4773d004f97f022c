import { DecryptRequest, EncryptRequest, RewrapRequest } from '../../src/gen/keyside/v1/crypto.ts';
import { RequestMetadata } from '../../src/gen/keyside/v1/metadata.ts';

export const CRYPTO = 'keyside.v1.CryptoService';

/** What a request has that says nothing. */
export const none = {
  fields: new Map<string, Uint8Array>(),
  metadata: undefined,
  edek: new Uint8Array(0),
  context: new Map<string, string>(),
};

export function metadata(fields: Partial<RequestMetadata>): RequestMetadata {
  return { ...RequestMetadata.decode(new Uint8Array(0)), ...fields };
}

export const encryptRequest = (fields: Partial<EncryptRequest>) =>
  EncryptRequest.encode({ tenantId: 'acme', ...none, ...fields }).finish();
export const decryptRequest = (fields: Partial<DecryptRequest>) =>
  DecryptRequest.encode({ tenantId: 'acme', ...none, ...fields }).finish();
export const rewrapRequest = (fields: Partial<RewrapRequest>) =>
  RewrapRequest.encode({ tenantId: 'acme', targetKeyId: '', ...none, ...fields }).finish();
