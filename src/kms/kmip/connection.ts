import type { Duplex } from 'node:stream';
import { FrameReader } from './frame.ts';
import type { KmipCredential } from './messages.ts';
import { TAG } from './tags.ts';
import { MalformedTtlv } from './ttlv.ts';

/** What a connection needs of a TLS socket. */
export type KmipSocket = Pick<Duplex, 'on' | 'write' | 'destroy' | 'destroyed'> & { ref(): unknown; unref(): unknown };

interface Pending {
  readonly frame: FrameReader;
  readonly resolve: (message: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** The other side, or the network, ended the connection. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
  readonly code = 'ECONNRESET';
}

/**
 * One connection to a KMIP server: a request, then its response, then the next. Whatever is out of the ordinary ends the connection,
 * since nobody could tell any more which response belongs to which request.
 */
export class KmipConnection {
  /** What each request on it carries. Wiped with the connection's end. */
  readonly credential: KmipCredential | undefined;
  readonly #socket: KmipSocket;
  #pending: Pending | undefined;
  #end: unknown;

  /** Takes over a socket that is open, and the credential. */
  constructor(socket: KmipSocket, credential: KmipCredential | undefined) {
    this.credential = credential;
    this.#socket = socket;
    socket.on('data', (piece: Uint8Array) => this.#receive(piece));
    socket.on('error', (error: unknown) => this.#finish(error));
    socket.on('end', () => this.#finish(new ConnectionEnded('the KMIP server ended the connection')));
    socket.on('close', () => this.#finish(new ConnectionEnded('the connection was closed')));
    socket.unref();
  }

  get isOpen(): boolean {
    return this.#end === undefined && !this.#socket.destroyed;
  }

  /**
   * Sends a request and yields the response, which is the caller's to zero. The request is zeroed once it is sent. When the signal
   * aborts, the connection ends: the server's answer would come too late and be taken for that of the next request.
   * Precondition: no other exchange is under way.
   */
  async exchange(request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const onAbort = (): void => this.#finish(signal.reason);
    try {
      signal.throwIfAborted();
      if (this.#pending !== undefined) throw new Error('a KMIP connection was used twice at once');
      if (!this.isOpen) throw this.#end ?? new ConnectionEnded('the connection was closed');
      this.#pending = { frame: new FrameReader(TAG.responseMessage), resolve, reject };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#socket.ref();
      this.#socket.write(request, () => request.fill(0));
      return await promise;
    } catch (error) {
      request.fill(0);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#socket.unref();
    }
  }

  close(): void {
    this.#finish(new ConnectionEnded('the connection was closed'));
  }

  #receive(piece: Uint8Array): void {
    if (this.#pending === undefined) {
      this.#finish(new MalformedTtlv('the KMIP server sent what nobody had asked for'));
      return;
    }
    try {
      const message = this.#pending.frame.push(piece);
      if (message === undefined) return;
      this.#pending.resolve(message);
      this.#pending = undefined;
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Ends the connection; the first cause counts. */
  #finish(cause: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = cause;
    this.#pending?.frame.discard();
    this.#pending?.reject(cause);
    this.#pending = undefined;
    this.credential?.password.wipe();
    this.#socket.destroy();
  }
}
