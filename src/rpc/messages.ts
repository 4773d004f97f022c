import { Buffer } from 'node:buffer';
import { BinaryReader, type BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MethodDefinition } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import { decodeUtf8 } from '../core/text.ts';
import { assertFewItems, DOCUMENTS, OPENING } from './item-count.ts';
import { ScratchWriter } from './scratch-writer.ts';

const responses = new ScratchWriter();

/**
 * Memory for the bytes of a response that consists of nothing else, as a chunk of a stream: written there, they are not copied when the
 * response is. They are zeroed when control returns to the event loop, and a response with them must have been written before.
 * @throws {RangeError} beyond a little less than 512 KiB
 */
export function roomForBytes(size: number): Uint8Array {
  return responses.room(size);
}

/** A request that was decoded, or why it could not be: grpc-js would answer INTERNAL for a decoder that throws. */
export type Decoded<T> = { readonly message: T } | { readonly fault: KeysideError };

/**
 * Lets go of a message that was answered: grpc-js holds on to what was decoded until its stream is collected, which takes two rounds of
 * the collector at least.
 */
export function releaseMessage(decoded: Decoded<unknown>): void {
  if ('message' in decoded) (decoded as { message: unknown }).message = undefined;
}

/** What the generated code offers for each message. */
export interface MessageType<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
}

interface GenericMethod {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestType: MessageType<never>;
  readonly responseType: MessageType<never>;
}

/**
 * The definition of a method for grpc-js. Strings are decoded fatally, so that no two byte sequences become one text
 * (docs/format.md, notation); byte fields are views of the request's memory. A serialized response is a view of the scratch buffer:
 * grpc-js copies it into the frame before its serializer's caller returns (`serializeMessage` of server-interceptors.js).
 */
export function methodDefinition<Request, Response>(
  service: string,
  method: GenericMethod,
): MethodDefinition<Decoded<Request>, Response> {
  const requestType = method.requestType as unknown as MessageType<Request>;
  const responseType = method.responseType as unknown as MessageType<Response>;
  return {
    path: `/${service}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (request) => ('message' in request ? encode(requestType, request.message) : Buffer.alloc(0)),
    requestDeserialize: (bytes) => decode(requestType, bytes, method.requestStream),
    responseSerialize: (response) => responses.write((writer) => responseType.encode(response, writer)),
    responseDeserialize: (bytes) => responseType.decode(bytes),
    originalName: method.name,
  };
}

function encode<T>(type: MessageType<T>, message: T): Buffer {
  const bytes = type.encode(message).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode<T>(type: MessageType<T>, bytes: Uint8Array, isOfStream: boolean): Decoded<T> {
  try {
    assertFewItems(bytes, isOfStream ? OPENING : DOCUMENTS);
    return { message: type.decode(new BinaryReader(bytes, decodeUtf8)) };
  } catch (error) {
    if (error instanceof KeysideError) return { fault: error };
    return { fault: new KeysideError('REQUEST_INVALID', 'the message is not valid protobuf', { cause: error }) };
  }
}
