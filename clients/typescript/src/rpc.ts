import { Buffer } from 'node:buffer';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** Kinds of messages, as the generated code has them. */
interface Encodes<T> {
  encode(message: T): { finish(): Uint8Array };
}

interface Decodes<T> {
  decode(input: BinaryReader): T;
}

interface Method {
  readonly name: string;
  readonly requestType: Encodes<never>;
  readonly responseType: Decodes<unknown>;
}

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, Method>>;
}

/** A method as grpc-js calls it. */
export interface Rpc<Request, Response> {
  readonly path: string;
  readonly encode: (message: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Response;
}

type RpcOf<M extends Method> = M extends { requestType: Encodes<infer Request>; responseType: Decodes<infer Response> }
  ? Rpc<Request, Response>
  : never;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** All methods of a service as the generated code has it, by their names there: made once, for all calls. */
export function rpcsOf<S extends Service>({
  fullName,
  methods,
}: S): { readonly [Name in keyof S['methods']]: RpcOf<S['methods'][Name]> };
export function rpcsOf({ fullName, methods }: Service): Record<string, Rpc<never, unknown>> {
  const rpcs = Object.entries(methods).map(([key, { name, requestType, responseType }]) => {
    return [key, { path: `/${fullName}/${name}`, encode: encoderOf(requestType), decode: decoderOf(responseType) }] as const;
  });
  return Object.fromEntries(rpcs);
}

function encoderOf<T>(type: Encodes<T>): (message: T) => Buffer {
  return (message) => {
    const { buffer, byteOffset, byteLength } = type.encode(message).finish();
    return Buffer.from(buffer, byteOffset, byteLength);
  };
}

/** Two texts that differ must not become one: what is not UTF-8 ends the call. */
function decoderOf<T>(type: Decodes<T>): (bytes: Uint8Array) => T {
  return (bytes) => type.decode(new CopyingReader(bytes, (text) => utf8.decode(text)));
}

/** Each value has a buffer of its own: with a view, whoever gets one field would hold them all. */
class CopyingReader extends BinaryReader {
  override bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(super.bytes());
  }
}
