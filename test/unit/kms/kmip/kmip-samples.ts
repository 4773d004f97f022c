import {
  all,
  byteString,
  enumeration,
  integer,
  ofType,
  optional,
  required,
  structure,
  text,
} from '../../../../src/kms/kmip/fields.ts';
import { OPERATION, TAG } from '../../../../src/kms/kmip/tags.ts';
import { decodeTtlv, encodeTtlv, type TtlvItem, type TtlvStructure } from '../../../../src/kms/kmip/ttlv.ts';

/** Requests as a server reads them, and responses as one writes them. */

export const KEY_UID = '3b6a1c7e-0000-4000-8000-000000000001';

export interface ReadItem {
  readonly operation: number;
  readonly payload: TtlvStructure;
}

export function readRequest(bytes: Uint8Array): { readonly header: TtlvStructure; readonly items: readonly ReadItem[] } {
  const message = ofType(decodeTtlv(bytes), 'structure');
  const items = all(message, TAG.batchItem, 'structure').map((item) => ({
    operation: required(item, TAG.operation, 'enumeration').value,
    payload: required(item, TAG.requestPayload, 'structure'),
  }));
  return { header: required(message, TAG.requestHeader, 'structure'), items };
}

/** The operations of a request, by KMIP's numbers. */
export function operationsOf(bytes: Uint8Array): readonly number[] {
  return readRequest(bytes).items.map(({ operation }) => operation);
}

export function bytesIn(payload: TtlvStructure, tag: number): Uint8Array | undefined {
  return optional(payload, tag, 'bytes')?.value;
}

/** An item of a response: the payload of a success, or why not. */
export type AnswerItem =
  | { readonly payload: readonly TtlvItem[] }
  | { readonly reason: number; readonly message?: string; readonly status?: number };

/** The response to operations of these numbers, in their order. */
export function response(operations: readonly number[], items: readonly AnswerItem[]): Uint8Array {
  const version = structure(TAG.protocolVersion, [integer(TAG.protocolVersionMajor, 1), integer(TAG.protocolVersionMinor, 4)]);
  // 0x92 is Time Stamp, of type Date-Time: nothing that Keyside asks for.
  const time: TtlvItem = { tag: 0x420092, type: 'other', code: 9, value: new Uint8Array(8) };
  const header = structure(RESPONSE_HEADER, [version, time, integer(TAG.batchCount, items.length)]);
  const batch = items.map((item, index) => responseItem(operations[index] ?? 0, item, index));
  return encodeTtlv(structure(TAG.responseMessage, [header, ...batch]));
}

const RESPONSE_HEADER = 0x42007a;

function responseItem(operation: number, item: AnswerItem, index: number): TtlvItem {
  const head = [enumeration(TAG.operation, operation), byteString(TAG.uniqueBatchItemId, Uint8Array.of(index))];
  if ('payload' in item) {
    return structure(TAG.batchItem, [...head, enumeration(TAG.resultStatus, 0), structure(TAG.responsePayload, item.payload)]);
  }
  return structure(TAG.batchItem, [
    ...head,
    enumeration(TAG.resultStatus, item.status ?? 1),
    enumeration(TAG.resultReason, item.reason),
    text(TAG.resultMessage, item.message ?? 'refused'),
  ]);
}

/** GetAttributes' answer for a sound key, with what is to be otherwise; undefined leaves the attribute out. */
export function facts(change: Partial<Record<keyof typeof SOUND, number | undefined>> = {}, uid = KEY_UID): AnswerItem {
  const values = { ...SOUND, ...change };
  const attributes = (Object.keys(SOUND) as (keyof typeof SOUND)[]).flatMap((name) => {
    const value = values[name];
    if (value === undefined) return [];
    const isInteger = name === 'Cryptographic Length' || name === 'Cryptographic Usage Mask';
    const item = (isInteger ? integer : enumeration)(TAG.attributeValue, value);
    return [structure(TAG.attribute, [text(TAG.attributeName, name), integer(ATTRIBUTE_INDEX, 0), item])];
  });
  return { payload: [text(TAG.uniqueIdentifier, uid), ...attributes] };
}

const ATTRIBUTE_INDEX = 0x420009;

const SOUND = {
  'Object Type': 2,
  'Cryptographic Algorithm': 3,
  'Cryptographic Length': 256,
  'Cryptographic Usage Mask': 0x0c,
  State: 2,
} as const satisfies Record<string, number>;

export interface EncryptedParts {
  readonly data?: Uint8Array;
  readonly iv?: Uint8Array | undefined;
  readonly tag?: Uint8Array | undefined;
}

/** Encrypt's answer. */
export function encrypted({
  data = new Uint8Array(32).fill(1),
  iv,
  tag = new Uint8Array(16).fill(2),
}: EncryptedParts = {}): AnswerItem {
  return {
    payload: [
      text(TAG.uniqueIdentifier, KEY_UID),
      byteString(TAG.data, data),
      ...(iv === undefined ? [] : [byteString(TAG.ivCounterNonce, iv)]),
      ...(tag.length === 0 ? [] : [byteString(TAG.authenticatedEncryptionTag, tag)]),
    ],
  };
}

/** Decrypt's answer. */
export function decrypted(data: Uint8Array, uid = KEY_UID): AnswerItem {
  return { payload: [text(TAG.uniqueIdentifier, uid), byteString(TAG.data, data)] };
}

export function located(...uids: readonly string[]): AnswerItem {
  return { payload: uids.map((uid) => text(TAG.uniqueIdentifier, uid)) };
}

/** Answers each operation by its number; a server stops at the first that fails. */
export function answering(items: Partial<Record<keyof typeof OPERATION, AnswerItem | ((payload: TtlvStructure) => AnswerItem)>>) {
  return (request: Uint8Array): Uint8Array => {
    const { items: asked } = readRequest(request);
    const answers: AnswerItem[] = [];
    for (const { operation, payload } of asked) {
      const item = items[NAMES.get(operation) ?? 'locate'];
      if (item === undefined) throw new Error(`the stub has no answer to operation ${operation}`);
      const answer = typeof item === 'function' ? item(payload) : item;
      answers.push(answer);
      if (!('payload' in answer)) break;
    }
    return response(
      asked.map(({ operation }) => operation),
      answers,
    );
  };
}

const NAMES: ReadonlyMap<number, keyof typeof OPERATION> = new Map(
  Object.entries(OPERATION).map(([name, number]) => [number, name as keyof typeof OPERATION]),
);
