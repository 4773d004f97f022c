import { setImmediate } from 'node:timers/promises';
import { KeysideError } from '../core/errors.ts';
import type {
  DecryptStreamOpen,
  DecryptStreamRequest,
  DecryptStreamResponse,
  EncryptStreamOpen,
  EncryptStreamRequest,
  EncryptStreamResponse,
} from '../gen/keyside/v1/stream.ts';
import { HeaderCollector, openObject } from '../service/open-object.ts';
import { sealObject } from '../service/seal-object.ts';
import type { HandlerParts } from './crypto-handlers.ts';
import type { StreamMethod, Wire } from './stream.ts';
import type { ParsedCall } from './unary.ts';

const SERVICE = 'keyside.v1.CryptoService';

/** Worked off at once, in bytes; between two pieces other calls get their turn. */
const PIECE_BYTES = 256 * 1024;

/** Gives the bytes that come for bytes that go in. */
interface Transform {
  push(input: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

export function encryptStreamMethod({
  service,
}: HandlerParts): StreamMethod<EncryptStreamOpen, EncryptStreamRequest, EncryptStreamResponse> {
  return {
    name: `${SERVICE}/EncryptStream`,
    operation: 'encrypt',
    outcomeShowsKey: true,
    opening: ({ open }) => open,
    handle: async ({ context, metadata, detached }, call, wire) => {
      const { tenantId, scope } = call;
      const { edek, sealer, use } = await sealObject(service, { tenantId, context, dataLabel: metadata?.dataLabel ?? '' }, scope);
      using _ = sealer;
      await wire.send({ opened: { edek }, chunk: undefined });
      if (!detached) await wire.send({ opened: undefined, chunk: edek });
      const chunks = chunksOf(wire);
      await transform({ chunks, through: sealer, call, use, send: (chunk) => wire.send({ opened: undefined, chunk }) });
    },
  };
}

export function decryptStreamMethod({
  service,
}: HandlerParts): StreamMethod<DecryptStreamOpen, DecryptStreamRequest, DecryptStreamResponse> {
  return {
    name: `${SERVICE}/DecryptStream`,
    operation: 'decrypt',
    outcomeShowsKey: true,
    opening: ({ open }) => open,
    handle: async (open, call, wire) => {
      const { tenantId, scope } = call;
      const { context, range } = open;
      const { edek, rest } = await headerOf(open, wire);
      const dataLabel = open.metadata?.dataLabel ?? '';
      const { opener, spans, use } = await openObject(service, { tenantId, edek, context, dataLabel, range }, scope);
      using _ = opener;
      await wire.send({ opened: { spans: [...spans] }, chunk: undefined });
      const chunks = chunksOf(wire, rest);
      await transform({ chunks, through: opener, call, use, send: (chunk) => wire.send({ opened: undefined, chunk }) });
    },
  };
}

/** The object's header, which the opening holds or the chunks begin with, and what came after it. */
async function headerOf(
  { edek, range }: DecryptStreamOpen,
  wire: Wire<DecryptStreamRequest, DecryptStreamResponse>,
): Promise<{ edek: Uint8Array; rest: Uint8Array | undefined }> {
  if (edek.length > 0) return { edek, rest: undefined };
  if (range !== undefined) {
    throw new KeysideError('REQUEST_INVALID', 'edek is missing: a range needs it', { details: { field: 'edek' } });
  }
  const collector = new HeaderCollector();
  for (;;) {
    const message = await wire.next();
    if (message === undefined) throw new KeysideError('EDEK_MALFORMED', "the stream ended within the object's header");
    const found = collector.push(chunkIn(message));
    if (found !== undefined) return found;
  }
}

async function* chunksOf(
  wire: Pick<Wire<{ readonly open?: unknown; readonly chunk?: Uint8Array | undefined }, never>, 'next'>,
  first?: Uint8Array,
): AsyncGenerator<Uint8Array, void> {
  if (first !== undefined) yield first;
  for (let message = await wire.next(); message !== undefined; message = await wire.next()) {
    yield chunkIn(message);
  }
}

function chunkIn({ open, chunk }: { readonly open?: unknown; readonly chunk?: Uint8Array | undefined }): Uint8Array {
  if (open !== undefined) throw new KeysideError('REQUEST_INVALID', 'a stream is opened once');
  if (chunk === undefined) throw new KeysideError('REQUEST_INVALID', 'a message of a stream carries nothing');
  return chunk;
}

interface Transformation {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly through: Transform;
  readonly call: ParsedCall;
  readonly use: { assertAllowed(): Promise<void> };
  send(chunk: Uint8Array): Promise<void>;
}

/** Piece by piece, each only where a new call would still be allowed. */
async function transform({ chunks, through, call, use, send }: Transformation): Promise<void> {
  const assertAllowed = async (): Promise<void> => {
    call.assertStillAllowed();
    await use.assertAllowed();
  };
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        if (at > 0) await setImmediate();
        await assertAllowed();
        const piece = through.push(chunk.subarray(at, at + PIECE_BYTES));
        if (piece.length > 0) await send(piece);
      }
    }
    await assertAllowed();
    const last = through.end();
    if (last.length > 0) await send(last);
  } finally {
    call.note({ bytes });
  }
}
