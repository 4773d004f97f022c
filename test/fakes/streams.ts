import { type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  DecryptStreamOpen,
  DecryptStreamRequest,
  DecryptStreamResponse,
  EncryptStreamOpen,
  EncryptStreamRequest,
  EncryptStreamResponse,
} from '../../src/gen/keyside/v1/stream.ts';
import type { MessageType } from '../../src/rpc/messages.ts';
import type { Edge } from './edge.ts';

interface Answered<Opened> {
  readonly opened: Opened;
  readonly bytes: Buffer;
}

interface Outgoing {
  readonly token?: string;
  readonly deadlineMs?: number;
}

type EncryptCall = ClientDuplexStream<EncryptStreamRequest, EncryptStreamResponse>;
type DecryptCall = ClientDuplexStream<DecryptStreamRequest, DecryptStreamResponse>;

export function encryptCall(edge: Edge, outgoing: Outgoing = {}): EncryptCall {
  return call(edge, 'EncryptStream', { request: EncryptStreamRequest, response: EncryptStreamResponse, outgoing });
}

export function decryptCall(edge: Edge, outgoing: Outgoing = {}): DecryptCall {
  return call(edge, 'DecryptStream', { request: DecryptStreamRequest, response: DecryptStreamResponse, outgoing });
}

function call<Request, Response>(
  edge: Edge,
  name: string,
  { request, response, outgoing }: { request: MessageType<Request>; response: MessageType<Response>; outgoing: Outgoing },
): ClientDuplexStream<Request, Response> {
  const metadata = new Metadata();
  if (outgoing.token !== undefined) metadata.set('authorization', `Bearer ${outgoing.token}`);
  const options = outgoing.deadlineMs === undefined ? {} : { deadline: Date.now() + outgoing.deadlineMs };
  return edge.client.makeBidiStreamRequest(
    `/keyside.v1.CryptoService/${name}`,
    (message: Request) => Buffer.from(request.encode(message).finish()),
    (bytes: Buffer) => response.decode(bytes),
    metadata,
    options,
  );
}

export const encryptOpening = (open: Partial<EncryptStreamOpen>): EncryptStreamRequest => ({
  open: { ...EncryptStreamOpen.decode(new Uint8Array()), tenantId: 'acme', ...open },
  chunk: undefined,
});

export const decryptOpening = (open: Partial<DecryptStreamOpen>): DecryptStreamRequest => ({
  open: { ...DecryptStreamOpen.decode(new Uint8Array()), tenantId: 'acme', ...open },
  chunk: undefined,
});

export const chunk = (bytes: Uint8Array): { open: undefined; chunk: Uint8Array } => ({ open: undefined, chunk: bytes });

/** What a stream is answered with, to its end. */
export async function answered<Opened>(
  call: ClientDuplexStream<never, { readonly opened?: Opened | undefined; readonly chunk?: Uint8Array | undefined }>,
): Promise<Answered<Opened>> {
  let opened: Opened | undefined;
  const chunks: Uint8Array[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  call.on('data', (response: { readonly opened?: Opened; readonly chunk?: Uint8Array }) => {
    if (response.opened !== undefined) opened = response.opened;
    if (response.chunk !== undefined) chunks.push(response.chunk);
  });
  call.on('error', (error: ServiceError) => reject(error));
  call.on('end', () => resolve());
  await promise;
  if (opened === undefined) throw new Error('the stream was not opened');
  return { opened, bytes: Buffer.concat(chunks) };
}

/** Encrypts an object through the edge, cut into pieces of this size. */
export async function encrypted(
  edge: Edge,
  plaintext: Uint8Array,
  options: { readonly pieceBytes?: number; readonly open?: Partial<EncryptStreamOpen> } = {},
): Promise<{ edek: Uint8Array; bytes: Buffer }> {
  const call = encryptCall(edge);
  const answer = answered<{ edek: Uint8Array }>(call as never);
  call.write(encryptOpening(options.open ?? {}));
  for (const piece of pieces(plaintext, options.pieceBytes)) call.write(chunk(piece));
  call.end();
  const { opened, bytes } = await answer;
  return { edek: opened.edek, bytes };
}

/** Decrypts an object through the edge. */
export async function decrypted(
  edge: Edge,
  sent: Uint8Array,
  options: { readonly pieceBytes?: number; readonly open?: Partial<DecryptStreamOpen> } = {},
): Promise<Buffer> {
  const call = decryptCall(edge);
  const answer = answered(call as never);
  call.write(decryptOpening(options.open ?? {}));
  for (const piece of pieces(sent, options.pieceBytes)) call.write(chunk(piece));
  call.end();
  return (await answer).bytes;
}

function* pieces(bytes: Uint8Array, size = 64 * 1024): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
