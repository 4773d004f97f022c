import { once } from 'node:events';
import { type Client, type StatusObject, status } from '@grpc/grpc-js';

export const CHUNK_BYTES = 256 * 1_024;

export const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;

export interface StreamLoad {
  readonly path: string;
  readonly messages: Iterable<Buffer> | AsyncIterable<Buffer>;
  readonly onAnswer: (message: Buffer) => void;
}

/** Sends encoded messages at the pace of the server, and hands over every answer. Throws unless the stream ends well. */
export async function stream(client: Client, { path, messages, onAnswer }: StreamLoad): Promise<void> {
  const call = client.makeBidiStreamRequest(path, bytesAsTheyAre, bytesAsTheyAre);
  const ended = new Promise<void>((resolve, reject) => {
    call.on('status', ({ code, details }: StatusObject) => {
      if (code === status.OK) resolve();
      else reject(new Error(`${path} ended in ${status[code]}: ${details}`));
    });
    call.on('error', reject);
  });
  ended.catch(() => undefined);
  call.on('data', onAnswer);
  for await (const message of messages) {
    if (!call.write(message)) await Promise.race([once(call, 'drain'), ended]);
  }
  call.end();
  await ended;
}

/** The same message, so often. */
export function* repeated(message: Buffer, count: number): Generator<Buffer> {
  for (let sent = 0; sent < count; sent += 1) yield message;
}
