import { equalBytes } from '../../cipher/mac.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { all, boolean, byteString, enumeration, integer, ofType, optional, required, structure, text } from './fields.ts';
import type { KmipOperation } from './messages.ts';
import {
  ALGORITHM_AES,
  BLOCK_CIPHER_MODE_GCM,
  NAME_UNINTERPRETED_TEXT,
  OBJECT_TYPE_SYMMETRIC_KEY,
  OPERATION,
  TAG,
} from './tags.ts';
import { MalformedTtlv, type TtlvItem, type TtlvStructure } from './ttlv.ts';

/** The four operations Keyside asks for (KMIP specification 1.4, sections 4.9, 4.12, 4.29 and 4.30). */

export const GCM_TAG_BYTES = 16;

/** What GetAttributes states of a key; a fact is undefined where the server does not state it. Numbers are KMIP's own. */
export interface KmipKeyFacts {
  readonly objectType: number | undefined;
  readonly algorithm: number | undefined;
  /** In bits. */
  readonly length: number | undefined;
  readonly usageMask: number | undefined;
  readonly state: number | undefined;
}

export interface KmipEncrypted {
  /** Undefined where the server returned none: it used the caller's. */
  readonly iv: Uint8Array | undefined;
  readonly ciphertext: Uint8Array;
  /** Undefined where the server does not do authenticated encryption as KMIP 1.4 has it. */
  readonly tag: Uint8Array | undefined;
}

export interface EncryptInput {
  /** The caller's 12 bytes; undefined where the server is to make them. */
  readonly iv: Uint8Array | undefined;
  readonly additionalData: Uint8Array;
  /** Stays the caller's. Precondition: not wiped before the operation has ended. */
  readonly plaintext: SecretBytes;
}

export function encryptOperation(
  uniqueIdentifier: string,
  { iv, additionalData, plaintext }: EncryptInput,
): KmipOperation<KmipEncrypted> {
  return {
    code: OPERATION.encrypt,
    payload: [
      text(TAG.uniqueIdentifier, uniqueIdentifier),
      gcm({ isIvRandom: iv === undefined }),
      byteString(TAG.data, plaintext.expose()),
      ...(iv === undefined ? [] : [byteString(TAG.ivCounterNonce, iv)]),
      byteString(TAG.authenticatedEncryptionAdditionalData, additionalData),
    ],
    read(payload) {
      checkIdentifier(payload, uniqueIdentifier);
      const returned = optional(payload, TAG.ivCounterNonce, 'bytes')?.value;
      if (iv !== undefined && returned !== undefined && !equalBytes(iv, returned)) {
        throw new MalformedTtlv('the server used another IV than it was given');
      }
      return {
        iv: returned?.slice(),
        ciphertext: required(payload, TAG.data, 'bytes').value.slice(),
        tag: optional(payload, TAG.authenticatedEncryptionTag, 'bytes')?.value.slice(),
      };
    },
  };
}

export interface DecryptInput {
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Yields the plaintext, of any length, the caller's to wipe. */
export function decryptOperation(uniqueIdentifier: string, input: DecryptInput): KmipOperation<SecretBytes> {
  return {
    code: OPERATION.decrypt,
    payload: [
      text(TAG.uniqueIdentifier, uniqueIdentifier),
      gcm({ isIvRandom: false }),
      byteString(TAG.data, input.ciphertext),
      byteString(TAG.ivCounterNonce, input.iv),
      byteString(TAG.authenticatedEncryptionAdditionalData, input.additionalData),
      byteString(TAG.authenticatedEncryptionTag, input.tag),
    ],
    read(payload) {
      checkIdentifier(payload, uniqueIdentifier);
      return SecretBytes.copyOf(required(payload, TAG.data, 'bytes').value);
    },
  };
}

function gcm({ isIvRandom }: { readonly isIvRandom: boolean }): TtlvItem {
  return structure(TAG.cryptographicParameters, [
    enumeration(TAG.blockCipherMode, BLOCK_CIPHER_MODE_GCM),
    enumeration(TAG.cryptographicAlgorithm, ALGORITHM_AES),
    ...(isIvRandom ? [boolean(TAG.randomIv, true)] : []),
    integer(TAG.tagLength, GCM_TAG_BYTES),
  ]);
}

const FACT_NAMES = {
  objectType: 'Object Type',
  algorithm: 'Cryptographic Algorithm',
  length: 'Cryptographic Length',
  usageMask: 'Cryptographic Usage Mask',
  state: 'State',
} as const satisfies Record<keyof KmipKeyFacts, string>;

export function factsOperation(uniqueIdentifier: string): KmipOperation<KmipKeyFacts> {
  return {
    code: OPERATION.getAttributes,
    payload: [
      text(TAG.uniqueIdentifier, uniqueIdentifier),
      ...Object.values(FACT_NAMES).map((name) => text(TAG.attributeName, name)),
    ],
    read(payload) {
      checkIdentifier(payload, uniqueIdentifier);
      const values = new Map(all(payload, TAG.attribute, 'structure').map(attribute));
      const number = (name: string, type: 'integer' | 'enumeration'): number | undefined => {
        const value = values.get(name);
        return value === undefined ? undefined : ofType(value, type).value;
      };
      return {
        objectType: number(FACT_NAMES.objectType, 'enumeration'),
        algorithm: number(FACT_NAMES.algorithm, 'enumeration'),
        length: number(FACT_NAMES.length, 'integer'),
        usageMask: number(FACT_NAMES.usageMask, 'integer'),
        state: number(FACT_NAMES.state, 'enumeration'),
      };
    },
  };
}

/** The identifiers of the symmetric keys of that name, as many as two: more are not needed to see that the name is not unique. */
export function locateOperation(name: string): KmipOperation<readonly string[]> {
  const nameValue = structure(TAG.attributeValue, [
    text(TAG.nameValue, name),
    enumeration(TAG.nameType, NAME_UNINTERPRETED_TEXT),
  ]);
  return {
    code: OPERATION.locate,
    payload: [
      integer(TAG.maximumItems, 2),
      structure(TAG.attribute, [text(TAG.attributeName, 'Name'), nameValue]),
      structure(TAG.attribute, [
        text(TAG.attributeName, FACT_NAMES.objectType),
        enumeration(TAG.attributeValue, OBJECT_TYPE_SYMMETRIC_KEY),
      ]),
    ],
    read: (payload) => all(payload, TAG.uniqueIdentifier, 'text').map(({ value }) => value),
  };
}

function attribute(item: TtlvStructure): readonly [string, TtlvItem] {
  const value = item.items.find(({ tag }) => tag === TAG.attributeValue);
  if (value === undefined) throw new MalformedTtlv('an attribute has no value');
  return [required(item, TAG.attributeName, 'text').value, value];
}

/** A server that answers for another object than the one it was asked for is not believed. */
function checkIdentifier(payload: TtlvStructure, uniqueIdentifier: string): void {
  if (required(payload, TAG.uniqueIdentifier, 'text').value !== uniqueIdentifier) {
    throw new MalformedTtlv('the response is about another object');
  }
}
