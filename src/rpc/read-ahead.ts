/** What of a stream in object mode decides how much waits in it; Node has no public way to set it on a stream that others made. */
interface StreamInside {
  readonly _readableState?: { highWaterMark?: number };
  readonly _writableState?: { highWaterMark?: number };
}

/**
 * Lets one message wait in each direction of a call, where grpc-js lets sixteen: of 8 MiB each, that would be the memory of a stream.
 * To be called before the first read.
 * @returns false where Node is made otherwise; the stream then holds sixteen
 */
export function boundReadAhead(call: object): boolean {
  const { _readableState: readable, _writableState: writable } = call as StreamInside;
  if (typeof readable?.highWaterMark !== 'number' || typeof writable?.highWaterMark !== 'number') return false;
  readable.highWaterMark = 1;
  writable.highWaterMark = 1;
  return true;
}
