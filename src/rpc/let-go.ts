/** Larger than a piece of a connection: what is longer was put together in memory of its own. */
const MIN_BYTES = 64 * 1024;
/** What a message may hold beside its bytes: prefix, tags and lengths. */
const MAX_REST_BYTES = 64;

/**
 * Gives back at once the memory of a message that consists of these bytes, and of them alone: garbage of that size would have the
 * collector run for every few megabytes. The bytes are gone, for whoever else looks at them too. Small ones share their memory with
 * others and stay.
 */
export function letGo(bytes: Uint8Array): void {
  const { buffer, length } = bytes;
  if (length < MIN_BYTES || buffer.byteLength - length > MAX_REST_BYTES || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}
