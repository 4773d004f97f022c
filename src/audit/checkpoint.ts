import type { Buffer } from 'node:buffer';
import { canonicalize } from './canonical-json.ts';
import type { ChainHead, Chains, HeadSnapshot } from './chain.ts';
import type { FramedRecord } from './frame.ts';
import { leafHash, MerkleTree } from './merkle.ts';
import { checkpointLine } from './ocsf.ts';
import type { SigningKey } from './signing-key.ts';

/** What a checkpoint's signature is over: the heads of all chains that had records since the checkpoint before. */
export interface CheckpointStatement {
  readonly sidecar: string;
  readonly start: string;
  /** 1, 2, 3, … of this start; one that could not be completed is missing. */
  readonly checkpoint: number;
  /** Of the sidecar's last record before it. */
  readonly sequence: number;
  /** When the heads were taken, in milliseconds since the epoch. */
  readonly time: number;
  /** How many chains: leaves of the tree. */
  readonly chains: number;
  /** Of the Merkle tree over the heads (RFC 6962), in base64url. */
  readonly root: string;
  /** Made by a later start of the sidecar, for one that ended without a checkpoint. */
  readonly recovered?: true;
}

/** The form of a chain's leaf before it is hashed. */
export function leafText({ chain, head, sequence }: ChainHead): string {
  return canonicalize({ chain, head, sequence });
}

export function statementText(statement: CheckpointStatement): string {
  return canonicalize({ ...statement });
}

/** Where records go: the spool. */
export interface RecordLog {
  /** @throws {KeysideError} AUDIT_UNAVAILABLE where a record could not be taken */
  assertAvailable(): void;
  append(record: FramedRecord, line: string): void;
}

export interface CheckpointWork {
  readonly chains: Chains;
  readonly key: SigningKey;
  readonly log: RecordLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The chains are those of a former start that ended without a checkpoint. */
  readonly isRecovery?: boolean;
}

/**
 * Signs the heads of all chains that had records since the checkpoint before, and puts a record with the proof into each of them; the
 * daemon's own chain always has one, the last of all: where it is there, all are. Records may be appended meanwhile: they are left to the next checkpoint. Never holds the event
 * loop for more than a few milliseconds. Not to be called again before it has ended.
 * @returns what was signed; undefined where nothing was recorded
 * @throws {KeysideError} AUDIT_UNAVAILABLE; chains that have no record of this checkpoint are part of the next
 */
export async function writeCheckpoint(work: CheckpointWork): Promise<CheckpointStatement | undefined> {
  const { chains, now } = work;
  if (!chains.hasMoved) return undefined;
  const [snapshot, timeMs] = [chains.snapshot(), now()];
  try {
    return await prove(work, snapshot, timeMs);
  } finally {
    chains.release();
  }
}

async function prove(
  { chains, key, log, now, isRecovery = false }: CheckpointWork,
  snapshot: HeadSnapshot,
  timeMs: number,
): Promise<CheckpointStatement> {
  const pause = slices();
  const tree = await MerkleTree.build(leavesOf(snapshot.heads), snapshot.count, pause);
  const { sidecar, start } = chains.source;
  const statement: CheckpointStatement = {
    sidecar,
    start,
    checkpoint: snapshot.checkpoint,
    sequence: snapshot.sequence,
    time: timeMs,
    chains: snapshot.count,
    root: tree.root.toString('base64url'),
    ...(isRecovery ? { recovered: true } : {}),
  };
  const text = statementText(statement);
  const { id, raw } = key.public;
  const signed = { key: id, publicKey: raw, signature: key.sign(text).toString('base64url'), statement: text };
  let index = 0;
  for (const { chain, sequence } of snapshot.heads) {
    const proof = { ...signed, leaf: { index, sequence }, siblings: tree.proof(index).map(toText) };
    log.assertAvailable();
    const nowMs = now();
    const record = chains.appendCheckpoint(chain, nowMs, (place) =>
      checkpointLine(chain, proof, { place, source: chains.source }),
    );
    log.append({ kind: 'checkpoint', sequence: record.sequence, timeMs: nowMs, tenantId: chain }, record.line);
    chains.settle(chain);
    index += 1;
    await pause();
  }
  return statement;
}

function* leavesOf(heads: Iterable<ChainHead>): Generator<Buffer, void> {
  for (const head of heads) yield leafHash(leafText(head));
}

function toText(hash: Buffer): string {
  return hash.toString('base64url');
}

/** How long a piece of the work may take, in milliseconds, and how many steps it has at least between two looks at the clock. */
const SLICE_MS = 1;
const STEPS = 4;

/** Gives a promise to wait for whenever a piece of work was long enough: others get their turn. */
function slices(): () => Promise<void> | undefined {
  let [steps, endMs] = [0, performance.now() + SLICE_MS];
  return () => {
    steps += 1;
    if (steps % STEPS !== 0 || performance.now() < endMs) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      endMs = performance.now() + SLICE_MS;
    });
  };
}
