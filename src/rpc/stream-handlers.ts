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
import { letGo } from './let-go.ts';
import type { StreamMethod } from './stream.ts';
import { StreamAudit } from './stream-audit.ts';
import type { Wire } from './stream-wire.ts';
import type { ParsedCall } from './unary.ts';
import { YoungGarbage } from './young-garbage.ts';

const SERVICE = 'keyside.v1.CryptoService';

/**
 * Worked off at once, in bytes; between two pieces other calls get their turn. A message of 256 KiB is one piece, also where it is
 * sealed.
 */
const PIECE_BYTES = 272 * 1024;

/** Of all streams of this process. */
const garbage = new YoungGarbage();

/** Gives the bytes that come for bytes that go in, into memory that it is given. */
interface Transform {
  sizeOfPush(inputBytes: number): number;
  push(input: Uint8Array, out: Uint8Array): unknown;
  readonly sizeOfEnd: number;
  end(out: Uint8Array): unknown;
}

export function encryptStreamMethod(
  parts: HandlerParts,
): StreamMethod<EncryptStreamOpen, EncryptStreamRequest, EncryptStreamResponse> {
  return {
    name: `${SERVICE}/EncryptStream`,
    operation: 'encrypt',
    auditKind: 'encrypt',
    outcomeShowsKey: true,
    opening: ({ open }) => open,
    bringsSomething,
    handle: async ({ context, metadata, detached }, call, wire) => {
      const { tenantId, scope } = call;
      const audit = new StreamAudit(parts, call.record, 'encrypt');
      const request = { tenantId, context, dataLabel: metadata?.dataLabel ?? '' };
      const { edek, sealer, use } = await audit.opening(() => sealObject(parts.service, request, scope));
      using _ = sealer;
      await wire.send({ opened: { edek }, chunk: undefined });
      if (!detached) await wire.send({ opened: undefined, chunk: edek });
      await transform({ wire, through: sealer, call, use, audit });
    },
  };
}

export function decryptStreamMethod(
  parts: HandlerParts,
): StreamMethod<DecryptStreamOpen, DecryptStreamRequest, DecryptStreamResponse> {
  return {
    name: `${SERVICE}/DecryptStream`,
    operation: 'decrypt',
    auditKind: 'decrypt',
    outcomeShowsKey: true,
    opening: ({ open }) => open,
    bringsSomething,
    handle: async (open, call, wire) => {
      const { tenantId, scope } = call;
      const { context, range } = open;
      const { edek, rest } = await headerOf(open, wire);
      const dataLabel = open.metadata?.dataLabel ?? '';
      const audit = new StreamAudit(parts, call.record, 'decrypt');
      const request = { tenantId, edek, context, dataLabel, range };
      const { opener, spans, use } = await audit.opening(() => openObject(parts.service, request, scope));
      using _ = opener;
      await wire.send({ opened: { spans: [...spans] }, chunk: undefined });
      await transform({ wire, first: rest, through: opener, call, use, audit });
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

interface ChunkMessage {
  readonly open?: unknown;
  readonly chunk?: Uint8Array | undefined;
}

interface ChunkAnswer {
  opened: undefined;
  chunk: Uint8Array;
}

function bringsSomething({ open, chunk }: ChunkMessage): boolean {
  return open !== undefined || (chunk !== undefined && chunk.length > 0);
}

function chunkIn({ open, chunk }: ChunkMessage): Uint8Array {
  if (open !== undefined) throw new KeysideError('REQUEST_INVALID', 'a stream is opened once');
  if (chunk === undefined) throw new KeysideError('REQUEST_INVALID', 'a message of a stream carries nothing');
  return chunk;
}

interface Transformation {
  readonly wire: Wire<ChunkMessage, ChunkAnswer>;
  /** What came before the messages that are still to be read. */
  readonly first?: Uint8Array | undefined;
  readonly through: Transform;
  readonly call: ParsedCall;
  readonly use: { assertAllowed(): Promise<void> };
  readonly audit: StreamAudit;
}

/** Piece by piece, each only where a new call would still be allowed. */
async function transform(work: Transformation): Promise<void> {
  const { wire, first, through, call, audit } = work;
  let bytes = 0;
  try {
    for (let chunk = first ?? (await nextChunk(wire)); chunk !== undefined; chunk = await nextChunk(wire)) {
      const { length } = chunk;
      bytes += length;
      for (let at = 0; at < length; at += PIECE_BYTES) {
        if (at > 0) await setImmediate();
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        await assertAllowed(work);
        await give(work, through.sizeOfPush(piece.length), (out) => through.push(piece, out));
      }
      letGo(chunk);
      garbage.left(length);
    }
    await assertAllowed(work);
    await give(work, through.sizeOfEnd, (out) => through.end(out));
  } catch (error) {
    audit.failed(error, bytes);
    throw error;
  } finally {
    call.note({ bytes });
  }
  await audit.ended(bytes);
}

async function nextChunk(wire: Transformation['wire']): Promise<Uint8Array | undefined> {
  const message = await wire.next();
  return message === undefined ? undefined : chunkIn(message);
}

async function assertAllowed({ call, use }: Transformation): Promise<void> {
  call.assertStillAllowed();
  await use.assertAllowed();
}

/** Written where it is sent from, and sent if it is anything. */
async function give({ wire }: Transformation, size: number, write: (out: Uint8Array) => void): Promise<void> {
  const chunk = wire.room(size);
  write(chunk);
  if (size > 0) await wire.send({ opened: undefined, chunk });
}
