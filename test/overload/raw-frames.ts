import { CRYPTO } from '../integration/requests.ts';
import { ATTACKERS } from './attacked-daemon.ts';

/** What a client of HTTP/2 begins with. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const HEADERS = 1;
const SETTINGS = 4;
const END_HEADERS = 4;

/** The preface and empty settings. */
export function greeting(): Buffer {
  return Buffer.concat([Buffer.from(PREFACE), http2Frame({ type: SETTINGS, flags: 0, streamId: 0 }, Buffer.alloc(0))]);
}

/** Opens a call and leaves its body to come. */
export function headersFrame(streamId: number, method: string): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': `/${CRYPTO}/${method}`,
    ':authority': 'attacked',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${ATTACKERS.token}`,
  };
  const block = Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
  return http2Frame({ type: HEADERS, flags: END_HEADERS, streamId }, block);
}

/** A text of HPACK, shorter than 127 bytes and not compressed. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}

function http2Frame({ type, flags, streamId }: { type: number; flags: number; streamId: number }, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}
