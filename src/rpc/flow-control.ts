import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/** What a client may send on one stream before the daemon has taken it; HTTP/2's own default of 64 KiB makes large messages wait. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
/** The same for all streams of one connection together: bounds what a connection can make the daemon hold. */
export const CONNECTION_WINDOW_BYTES = 512 * 1024;

/** Fields of grpc-js's server that it does not publish: it reads its option for windows in clients only. */
interface ServerInside {
  readonly commonServerOptions?: { settings?: { initialWindowSize?: number } };
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}

/**
 * Widens the windows of every stream that will be opened. To be called before binding.
 * @returns false where this grpc-js is made otherwise; it then serves with HTTP/2's default windows, more slowly and as well
 */
export function widenStreamWindows(server: Server): boolean {
  const { commonServerOptions } = server as unknown as ServerInside;
  if (typeof commonServerOptions !== 'object') return false;
  commonServerOptions.settings = { ...commonServerOptions.settings, initialWindowSize: STREAM_WINDOW_BYTES };
  return true;
}

/**
 * Widens the window of every connection that will be accepted. To be called after binding.
 * @returns as `widenStreamWindows`
 */
export function widenConnectionWindows(server: Server): boolean {
  const { http2Servers } = server as unknown as ServerInside;
  if (!(http2Servers instanceof Map)) return false;
  const widen = (session: ServerHttp2Session): void => {
    if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  };
  for (const each of http2Servers.keys()) each.on('session', widen);
  return http2Servers.size > 0;
}
