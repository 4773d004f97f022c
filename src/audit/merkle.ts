import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/** Merkle trees by RFC 6962, section 2.1, over SHA-256. A node without a sibling goes up as it is. */

const HASH_BYTES = 32;
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

export function leafHash(data: string | Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF, typeof data === 'string' ? Buffer.from(data) : data]), 'buffer');
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** A tree that was built: its root, and the proof of each leaf. Keeps 64 bytes for each leaf. */
export class MerkleTree {
  /** From the leaves up; each level is the hashes of its nodes, one after the other. */
  readonly #levels: readonly Buffer[];

  private constructor(levels: readonly Buffer[]) {
    this.#levels = levels;
  }

  /**
   * Builds the tree of leaves that are hashed already.
   * Precondition: there is one at least.
   * @param pause asked after every node; awaited where it gives a promise
   */
  static async build(leaves: Iterable<Uint8Array>, count: number, pause: () => Promise<void> | undefined): Promise<MerkleTree> {
    const first = Buffer.allocUnsafe(count * HASH_BYTES);
    let filled = 0;
    for (const leaf of leaves) {
      first.set(leaf, filled);
      filled += HASH_BYTES;
      const paused = pause();
      if (paused !== undefined) await paused;
    }
    if (filled !== first.length || count === 0)
      throw new RangeError('a tree has as many leaves as it was said to have, and one at least');
    const levels: Buffer[] = [first];
    for (let level: Buffer = first; level.length > HASH_BYTES; levels.push(level)) level = await above(level, pause);
    return new MerkleTree(levels);
  }

  get root(): Buffer {
    return this.#levels.at(-1) as Buffer;
  }

  /** The siblings on the way from a leaf to the root. */
  proof(index: number): readonly Buffer[] {
    const siblings: Buffer[] = [];
    let at = index;
    for (const level of this.#levels) {
      const sibling = (at ^ 1) * HASH_BYTES;
      if (sibling < level.length) siblings.push(level.subarray(sibling, sibling + HASH_BYTES));
      at >>= 1;
    }
    // The root is a level of its own and has no sibling.
    return siblings;
  }
}

async function above(level: Buffer, pause: () => Promise<void> | undefined): Promise<Buffer> {
  const nodes = Buffer.allocUnsafe(Math.ceil(level.length / HASH_BYTES / 2) * HASH_BYTES);
  for (let at = 0; at < level.length; at += 2 * HASH_BYTES) {
    const left = level.subarray(at, at + HASH_BYTES);
    const right = level.subarray(at + HASH_BYTES, at + 2 * HASH_BYTES);
    nodes.set(right.length === 0 ? left : nodeHash(left, right), at / 2);
    const paused = pause();
    if (paused !== undefined) await paused;
  }
  return nodes;
}

/** The root that a leaf and its proof lead to in a tree of `count` leaves; undefined where the proof is too short or too long. */
export function rootOf(
  leaf: Uint8Array,
  { index, count }: { readonly index: number; readonly count: number },
  proof: readonly Uint8Array[],
): Buffer | undefined {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return undefined;
  let node: Uint8Array = leaf;
  let used = 0;
  for (let at = index, width = count; width > 1; at = Math.floor(at / 2), width = Math.ceil(width / 2)) {
    const isLeft = at % 2 === 0;
    if (isLeft && at === width - 1) continue;
    const sibling = proof[used];
    if (sibling === undefined) return undefined;
    node = isLeft ? nodeHash(node, sibling) : nodeHash(sibling, node);
    used += 1;
  }
  return used === proof.length ? Buffer.from(node) : undefined;
}
