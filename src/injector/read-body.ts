import type { IncomingMessage } from 'node:http';

export type Body =
  | { readonly kind: 'whole'; readonly text: string }
  | { readonly kind: 'too-large' }
  /** Others' bodies take what memory there is for them. */
  | { readonly kind: 'no-room' }
  | { readonly kind: 'no-text' }
  /** The client left. */
  | { readonly kind: 'gone' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** What is left for all bodies together; a body gives back what it took. */
  readonly room: { bytes: number };
}

/** Reads a request's body, and no further than it may go. Never rejects. */
export async function readBody(request: IncomingMessage, { maxBytes, room }: BodyLimits): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { kind: 'too-large' };
  const chunks: Buffer[] = [];
  let taken = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (taken + chunk.length > maxBytes) return { kind: 'too-large' };
      if (chunk.length > room.bytes) return { kind: 'no-room' };
      taken += chunk.length;
      room.bytes -= chunk.length;
      chunks.push(chunk);
    }
    return decode(Buffer.concat(chunks));
  } catch {
    // The stream's only failure: there is nobody left to answer.
    return { kind: 'gone' };
  } finally {
    room.bytes += taken;
  }
}

function decode(bytes: Buffer): Body {
  try {
    return { kind: 'whole', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: 'no-text' };
  }
}
