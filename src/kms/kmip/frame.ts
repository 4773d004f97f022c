import { HEADER_BYTES, MAX_MESSAGE_BYTES, MalformedTtlv } from './ttlv.ts';

/**
 * Puts one message together from the pieces that a connection delivers. The length that its first 8 bytes claim is checked and never
 * allocated: memory is taken for what has arrived. Pieces are zeroed once they are copied, since a message may hold a data key.
 */
export class FrameReader {
  readonly #tag: number;
  #pieces: Uint8Array[] = [];
  #received = 0;

  /** `tag` is the one that a message must begin with. */
  constructor(tag: number) {
    this.#tag = tag;
  }

  /**
   * Takes over `piece`. The whole message once it is there, on memory of its own; undefined before.
   * @throws {MalformedTtlv} for another kind of message, one beyond 64 KiB, and bytes after the message
   */
  push(piece: Uint8Array): Uint8Array | undefined {
    this.#pieces.push(piece);
    this.#received += piece.length;
    if (this.#received < HEADER_BYTES) return undefined;
    const length = this.#claimedLength();
    if (this.#received < length) return undefined;
    if (this.#received > length) throw new MalformedTtlv('bytes follow the message');
    return this.#finish();
  }

  /** Zeroes what has arrived. */
  discard(): void {
    for (const piece of this.#pieces) piece.fill(0);
    this.#pieces = [];
    this.#received = 0;
  }

  #claimedLength(): number {
    const header = new Uint8Array(HEADER_BYTES);
    let at = 0;
    for (const piece of this.#pieces) {
      if (at === HEADER_BYTES) break;
      const part = piece.subarray(0, HEADER_BYTES - at);
      header.set(part, at);
      at += part.length;
    }
    const view = new DataView(header.buffer);
    // The tag and the type (a structure) in one.
    if (view.getUint32(0) !== this.#tag * 0x100 + 1)
      throw new MalformedTtlv('the bytes are no message of the kind that is awaited');
    const length = HEADER_BYTES + view.getUint32(4);
    if (length > MAX_MESSAGE_BYTES) throw new MalformedTtlv(`a message of ${length} bytes is more than is ever needed`);
    return length;
  }

  #finish(): Uint8Array {
    const message = new Uint8Array(this.#received);
    let at = 0;
    for (const piece of this.#pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    this.discard();
    return message;
  }
}
