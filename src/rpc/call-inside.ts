import type { Buffer } from 'node:buffer';

/** What puts together the messages of a call from the pieces in which they arrive. */
export interface Decoder {
  /** The messages that are complete with this piece, each with its prefix of five bytes. */
  write(piece: Buffer): Buffer[];
}

/** Where grpc-js keeps what it does not publish of a call. */
interface CallInside {
  decoder?: Partial<Decoder>;
  readonly stream?: {
    readonly destroyed?: boolean;
    readonly writableLength?: number;
    close?(code: number): void;
    once?(event: 'close', listener: () => void): void;
  };
}

/**
 * Has the call's messages put together by another decoder: grpc-js's own takes memory for whatever size a client announces.
 * @returns false where this grpc-js is made otherwise; then nothing is known of a message before it is complete
 */
export function replaceDecoder(call: object, decoder: Decoder): boolean {
  const inside = call as CallInside;
  if (typeof inside.decoder?.write !== 'function') return false;
  inside.decoder = decoder;
  return true;
}

/**
 * Resets a call's stream with this code of HTTP/2: what the caller has not taken is dropped.
 * @returns false where this grpc-js is made otherwise; the stream then lasts until the caller goes
 */
export function closeStream(call: object, code: number): boolean {
  const { stream } = call as CallInside;
  if (typeof stream?.close !== 'function') return false;
  stream.close(code);
  return true;
}

/**
 * Calls back when the stream of the call is closed on both sides.
 * @returns false where it is closed already, or where this grpc-js is made otherwise
 */
export function whenClosed(call: object, listener: () => void): boolean {
  const { stream } = call as CallInside;
  if (stream === undefined || stream.destroyed !== false || typeof stream.once !== 'function') return false;
  stream.once('close', listener);
  return true;
}

/** Bytes of replies that the call's client has not taken yet; 0 where this grpc-js is made otherwise. */
export function untakenBytes(call: object): number {
  return (call as CallInside).stream?.writableLength ?? 0;
}
