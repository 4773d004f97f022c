import type { SecretBytes } from '../../core/secret-bytes.ts';
import {
  all,
  boolean,
  byteString,
  enumeration,
  integer,
  ofType,
  optional,
  required,
  secretText,
  structure,
  text,
} from './fields.ts';
import { CREDENTIAL_USERNAME_AND_PASSWORD, RESULT_SUCCESS, TAG } from './tags.ts';
import { decodeTtlv, encodeTtlv, MAX_MESSAGE_BYTES, MalformedTtlv, type TtlvItem, type TtlvStructure } from './ttlv.ts';

/** One thing to ask for: a batch item of a request, and how to read its payload in the response. */
export interface KmipOperation<Reply> {
  /** KMIP's number of it. */
  readonly code: number;
  readonly payload: readonly TtlvItem[];
  /**
   * Copies what it returns: the bytes below `payload` are zeroed afterwards.
   * @throws {MalformedTtlv}
   */
  read(payload: TtlvStructure): Reply;
}

/** A user of the KMIP server, beside the client certificate. */
export interface KmipCredential {
  readonly username: string;
  readonly password: SecretBytes;
}

/** The server's answer to an operation that it did not perform. The message holds the server's own words and is for the log. */
export class KmipRefusal extends Error {
  override readonly name = 'KmipRefusal';
  /** Result Reason; undefined where the server gave none. */
  readonly resultReason: number | undefined;

  constructor(status: number, resultReason: number | undefined, resultMessage: string) {
    const words = resultMessage.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
    super(`result status ${status}, reason 0x${(resultReason ?? 0).toString(16)}: ${words}`);
    this.resultReason = resultReason;
  }
}

/** What became of one operation. */
export type KmipResult = { readonly payload: TtlvStructure } | { readonly refusal: KmipRefusal } | { readonly isMissing: true };

/** A request of KMIP 1.4, on memory of its own that the caller zeroes: it may hold a data key and a password. */
export function encodeRequest(
  operations: readonly Pick<KmipOperation<unknown>, 'code' | 'payload'>[],
  credential: KmipCredential | undefined,
): Uint8Array {
  const header = structure(TAG.requestHeader, [
    structure(TAG.protocolVersion, [integer(TAG.protocolVersionMajor, 1), integer(TAG.protocolVersionMinor, 4)]),
    integer(TAG.maximumResponseSize, MAX_MESSAGE_BYTES),
    ...(credential === undefined ? [] : [authentication(credential)]),
    boolean(TAG.batchOrderOption, true),
    integer(TAG.batchCount, operations.length),
  ]);
  const items = operations.map(({ code, payload }, index) =>
    structure(TAG.batchItem, [
      enumeration(TAG.operation, code),
      byteString(TAG.uniqueBatchItemId, Uint8Array.of(index)),
      structure(TAG.requestPayload, payload),
    ]),
  );
  return encodeTtlv(structure(TAG.requestMessage, [header, ...items]));
}

function authentication({ username, password }: KmipCredential): TtlvItem {
  const value = structure(TAG.credentialValue, [text(TAG.username, username), secretText(TAG.password, password.expose())]);
  const type = enumeration(TAG.credentialType, CREDENTIAL_USERNAME_AND_PASSWORD);
  return structure(TAG.authentication, [structure(TAG.credential, [type, value])]);
}

/**
 * The result of each operation, in their order. A server stops at the first failure, so later ones may be missing. A failure of the
 * message as a whole (it could not be read, or its sender is not known) is the first operation's.
 * @throws {MalformedTtlv} where the bytes are no response to these operations
 */
export function decodeResponse(
  bytes: Uint8Array,
  operations: readonly Pick<KmipOperation<unknown>, 'code'>[],
): readonly KmipResult[] {
  const message = ofType(decodeTtlv(bytes), 'structure');
  if (message.tag !== TAG.responseMessage) throw new MalformedTtlv('the message is no response');
  const items = all(message, TAG.batchItem, 'structure');
  if (items.length === 0) throw new MalformedTtlv('the response has no item');
  const results = operations.map((): KmipResult => ({ isMissing: true }));
  for (const [position, item] of items.entries()) {
    const index = indexOf(item, position);
    const operation = operations[index];
    if (operation === undefined || !('isMissing' in (results[index] as KmipResult))) {
      throw new MalformedTtlv('the response has an item that was not asked for');
    }
    results[index] = resultOf(item, operation.code);
  }
  return results;
}

/** Which operation an item answers: the one whose id it repeats, or the one in its place where the server repeats no ids. */
function indexOf(item: TtlvStructure, position: number): number {
  const id = optional(item, TAG.uniqueBatchItemId, 'bytes')?.value;
  if (id === undefined) return position;
  const [index] = id;
  if (index === undefined || id.length !== 1) throw new MalformedTtlv('the response has an item of an unknown id');
  return index;
}

function resultOf(item: TtlvStructure, code: number): KmipResult {
  const status = required(item, TAG.resultStatus, 'enumeration').value;
  const operation = optional(item, TAG.operation, 'enumeration')?.value;
  if (operation !== undefined && operation !== code) throw new MalformedTtlv('the response is to another operation');
  if (status === RESULT_SUCCESS) return { payload: required(item, TAG.responsePayload, 'structure') };
  const reason = optional(item, TAG.resultReason, 'enumeration')?.value;
  return { refusal: new KmipRefusal(status, reason, optional(item, TAG.resultMessage, 'text')?.value ?? '') };
}
