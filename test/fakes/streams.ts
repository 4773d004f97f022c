import { once } from 'node:events';
import { type Client, type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  DecryptStreamOpen,
  DecryptStreamRequest,
  DecryptStreamResponse,
  EncryptStreamOpen,
  EncryptStreamRequest,
  EncryptStreamResponse,
} from '../../src/gen/keyside/v1/stream.ts';
import type { MessageType } from '../../src/rpc/messages.ts';

interface Answered<Opened> {
  readonly opened: Opened;
  readonly bytes: Buffer;
}

/** Whatever serves: the edge of a test, or a daemon in a process of its own. */
export interface Daemon {
  readonly client: Client;
}

interface Outgoing {
  readonly token?: string;
  readonly deadlineMs?: number;
}

type EncryptCall = ClientDuplexStream<EncryptStreamRequest, EncryptStreamResponse>;
type DecryptCall = ClientDuplexStream<DecryptStreamRequest, DecryptStreamResponse>;

export function encryptCall(daemon: Daemon, outgoing: Outgoing = {}): EncryptCall {
  return call(daemon, 'EncryptStream', { request: EncryptStreamRequest, response: EncryptStreamResponse, outgoing });
}

export function decryptCall(daemon: Daemon, outgoing: Outgoing = {}): DecryptCall {
  return call(daemon, 'DecryptStream', { request: DecryptStreamRequest, response: DecryptStreamResponse, outgoing });
}

function call<Request, Response>(
  daemon: Daemon,
  name: string,
  { request, response, outgoing }: { request: MessageType<Request>; response: MessageType<Response>; outgoing: Outgoing },
): ClientDuplexStream<Request, Response> {
  const metadata = new Metadata();
  if (outgoing.token !== undefined) metadata.set('authorization', `Bearer ${outgoing.token}`);
  const options = outgoing.deadlineMs === undefined ? {} : { deadline: Date.now() + outgoing.deadlineMs };
  return daemon.client.makeBidiStreamRequest(
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
  daemon: Daemon,
  plaintext: Uint8Array,
  options: { readonly pieceBytes?: number; readonly open?: Partial<EncryptStreamOpen> } = {},
): Promise<{ edek: Uint8Array; bytes: Buffer }> {
  const call = encryptCall(daemon);
  const answer = answered<{ edek: Uint8Array }>(call as never);
  call.write(encryptOpening(options.open ?? {}));
  answer.catch(() => undefined);
  await sendAll(call, plaintext, options.pieceBytes);
  const { opened, bytes } = await answer;
  return { edek: opened.edek, bytes };
}

/** Decrypts an object through the edge. */
export async function decrypted(
  daemon: Daemon,
  sent: Uint8Array,
  options: { readonly pieceBytes?: number; readonly open?: Partial<DecryptStreamOpen> } = {},
): Promise<Buffer> {
  const call = decryptCall(daemon);
  const answer = answered(call as never);
  call.write(decryptOpening(options.open ?? {}));
  answer.catch(() => undefined);
  await sendAll(call, sent, options.pieceBytes);
  return (await answer).bytes;
}

/** A range of an object, of which only the spans that the daemon names are sent. */
export async function decryptedRange(
  daemon: Daemon,
  object: { readonly edek: Uint8Array; readonly bytes: Uint8Array },
  wanted: { readonly offset: number; readonly length: number; readonly objectSize: number },
): Promise<Buffer> {
  const call = decryptCall(daemon);
  const answer = answered(call as never);
  answer.catch(() => undefined);
  call.write(decryptOpening({ edek: object.edek, range: wanted }));
  const [{ opened }] = (await once(call, 'data')) as [{ opened: { spans: { offset: number; length: number }[] } }];
  for (const { offset, length } of opened.spans) call.write(chunk(object.bytes.subarray(offset, offset + length)));
  call.end();
  return (await answer).bytes;
}

/** Sends and ends, at the pace of the daemon; stops where the call has ended. */
async function sendAll(
  call: Pick<EncryptCall | DecryptCall, 'end'> & {
    write(message: never): boolean;
    on(event: 'drain' | 'error', listener: () => void): unknown;
  },
  bytes: Uint8Array,
  pieceBytes: number | undefined,
): Promise<void> {
  let isOver = false;
  let wake = (): void => undefined;
  call.on('drain', () => wake());
  call.on('error', () => {
    isOver = true;
    wake();
  });
  for (const piece of pieces(bytes, pieceBytes)) {
    if (isOver) return;
    if (!call.write(chunk(piece) as never)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  if (!isOver) call.end();
}

function* pieces(bytes: Uint8Array, size = 64 * 1024): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
