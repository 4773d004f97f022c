import { Buffer } from 'node:buffer';

/** `size` bytes to write to: the beginning of `given`, or memory of their own. */
export function outputBuffer(size: number, given: Uint8Array | undefined): Uint8Array {
  if (given === undefined) return Buffer.allocUnsafeSlow(size);
  if (given.length < size) throw new RangeError(`an output buffer of ${given.length} bytes is short of ${size}`);
  return given.subarray(0, size);
}
