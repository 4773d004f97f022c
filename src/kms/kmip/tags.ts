/** The tags and enumeration values of KMIP 1.4 that Keyside uses (KMIP specification 1.4, section 9.1.3). */

export const TAG = {
  attribute: 0x420008,
  attributeName: 0x42000a,
  attributeValue: 0x42000b,
  authenticatedEncryptionAdditionalData: 0x4200fe,
  authenticatedEncryptionTag: 0x4200ff,
  authentication: 0x42000c,
  batchCount: 0x42000d,
  batchItem: 0x42000f,
  batchOrderOption: 0x420010,
  blockCipherMode: 0x420011,
  credential: 0x420023,
  credentialType: 0x420024,
  credentialValue: 0x420025,
  cryptographicAlgorithm: 0x420028,
  cryptographicParameters: 0x42002b,
  data: 0x4200c2,
  ivCounterNonce: 0x42003d,
  maximumItems: 0x42004f,
  maximumResponseSize: 0x420050,
  nameType: 0x420054,
  nameValue: 0x420055,
  operation: 0x42005c,
  password: 0x4200a1,
  protocolVersion: 0x420069,
  protocolVersionMajor: 0x42006a,
  protocolVersionMinor: 0x42006b,
  randomIv: 0x4200c5,
  requestHeader: 0x420077,
  requestMessage: 0x420078,
  requestPayload: 0x420079,
  responseMessage: 0x42007b,
  responsePayload: 0x42007c,
  resultMessage: 0x42007d,
  resultReason: 0x42007e,
  resultStatus: 0x42007f,
  tagLength: 0x4200ce,
  uniqueBatchItemId: 0x420093,
  uniqueIdentifier: 0x420094,
  username: 0x420099,
} as const;

export const OPERATION = { locate: 0x08, getAttributes: 0x0b, encrypt: 0x1f, decrypt: 0x20 } as const;

export const RESULT_SUCCESS = 0;

export const CREDENTIAL_USERNAME_AND_PASSWORD = 1;

export const NAME_UNINTERPRETED_TEXT = 1;

export const OBJECT_TYPE_SYMMETRIC_KEY = 2;

export const ALGORITHM_AES = 3;

export const BLOCK_CIPHER_MODE_GCM = 9;

/** Bits of the Cryptographic Usage Mask. */
export const USAGE = { encrypt: 0x04, decrypt: 0x08 } as const;

/** The State attribute: where in its life a key is. There is no way back from Deactivated or Compromised to Active. */
export const STATE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'Pre-Active'],
  [2, 'Active'],
  [3, 'Deactivated'],
  [4, 'Compromised'],
  [5, 'Destroyed'],
  [6, 'Destroyed Compromised'],
]);
