import { constants } from 'node:http2';

/** Where grpc-js keeps a call's stream; it does not publish it, and its own ways to end a call wait until the caller has read. */
interface CallInside {
  readonly stream?: { close?(code: number): void };
}

/**
 * Resets a call's stream: what the caller has not taken is dropped.
 * @returns false where this grpc-js is made otherwise; the stream then lasts until the caller goes
 */
export function hangUp(call: object): boolean {
  const { stream } = call as CallInside;
  if (typeof stream?.close !== 'function') return false;
  stream.close(constants.NGHTTP2_CANCEL);
  return true;
}
