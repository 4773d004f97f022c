import { Buffer } from 'node:buffer';
import { leafText, statementText } from './checkpoint.ts';
import { leafHash, rootOf } from './merkle.ts';
import { VerificationKey } from './signing-key.ts';
import { CheckpointCounts, type Lacking } from './verify-counts.ts';
import type { CheckpointClaim, RecordFacts } from './verify-record.ts';

/** A key that signed checkpoints. */
export interface Signer {
  /** The key's id (`VerificationKey.id`). */
  readonly key: string;
  readonly isTrusted: boolean;
  /** Checkpoints, each counted once however many chains have it. */
  checkpoints: number;
}

/** A chain's head when the heads of a checkpoint were taken, as its records give it. */
export interface SeenHead {
  readonly sequence: number;
  readonly head: string;
}

/** As many signed statements of one start are kept for comparison: chains do not lag further behind each other. */
const KEPT_STATEMENTS = 64;

/** Checks checkpoints: signature, place in the tree, and that no two chains were told different things. */
export class CheckpointCheck {
  readonly #trusted: ReadonlySet<string> | undefined;
  readonly #signers = new Map<string, Signer>();
  /** By start: by number what was signed, which key and signature. */
  readonly #statements = new Map<string, Map<number, string>>();
  /** By start. */
  readonly #counts = new Map<string, CheckpointCounts>();

  /** @param trusted undefined: whoever signed */
  constructor(trusted: readonly VerificationKey[] | undefined) {
    this.#trusted = trusted && new Set(trusted.map(({ raw }) => raw));
  }

  get signers(): readonly Signer[] {
    return [...this.#signers.values()];
  }

  /** Whether of checkpoints of a start, taken with this record of the sidecar or after it, chains are missing. */
  lacking(start: string, after: number): Lacking | undefined {
    return this.#counts.get(start)?.lacking(after);
  }

  /**
   * What is wrong with a checkpoint's record; undefined where it proves that the chain's head was `seen`.
   * Precondition: it was not asked before about this checkpoint in this chain.
   */
  fault(record: RecordFacts, claim: CheckpointClaim, seen: SeenHead): string | undefined {
    const { statement, leaf } = claim;
    if (leaf.sequence !== seen.sequence) {
      return `is a checkpoint over ${leaf.sequence} records of the chain, which then had ${seen.sequence}`;
    }
    const hash = leafHash(leafText({ chain: record.tenantId, sequence: seen.sequence, head: seen.head }));
    const proof = claim.proof.map((each) => Buffer.from(each, 'base64url'));
    const root = rootOf(hash, { index: leaf.index, count: statement.chains }, proof);
    if (root?.toString('base64url') !== statement.root) {
      return `is a checkpoint whose proof does not lead from record ${seen.sequence} of the chain to what was signed`;
    }
    const fault = this.#signatureFault(claim);
    if (fault === undefined) this.#countsOf(statement.start).add(statement, record.tenantId === '');
    return fault;
  }

  #signatureFault(claim: CheckpointClaim): string | undefined {
    const { statement, signature, publicKey, key } = claim;
    const text = statementText(statement);
    const all = [text, signature, publicKey, key].join('\n');
    const known = this.#statements.get(statement.start)?.get(statement.checkpoint);
    if (known === all) return undefined;
    const chains = this.#countsOf(statement.start).chainsOf(statement.checkpoint);
    if (known !== undefined || (chains !== undefined && chains !== statement.chains))
      return `is checkpoint ${statement.checkpoint} with another content than a chain before has it`;
    const signer = keyOf(publicKey);
    if (signer?.id !== key) return 'is a checkpoint with a public key that is not the one it names';
    if (!signer.verifies(text, Buffer.from(signature, 'base64url'))) return 'is a checkpoint with a false signature';
    if (this.#trusted?.has(publicKey) === false) return `is a checkpoint signed by key ${key}, which is not trusted`;
    this.#remember(claim, all);
    return undefined;
  }

  #remember({ statement, publicKey, key }: CheckpointClaim, all: string): void {
    const statements = this.#statements.get(statement.start) ?? new Map<number, string>();
    this.#statements.set(statement.start, statements);
    statements.set(statement.checkpoint, all);
    for (const number of statements.keys()) {
      if (statements.size <= KEPT_STATEMENTS) break;
      statements.delete(number);
    }
    const signer = this.#signers.get(publicKey) ?? { key, isTrusted: this.#trusted !== undefined, checkpoints: 0 };
    if (this.#countsOf(statement.start).chainsOf(statement.checkpoint) === undefined) signer.checkpoints += 1;
    this.#signers.set(publicKey, signer);
  }

  #countsOf(start: string): CheckpointCounts {
    const counts = this.#counts.get(start) ?? new CheckpointCounts();
    this.#counts.set(start, counts);
    return counts;
  }
}

function keyOf(raw: string): VerificationKey | undefined {
  try {
    return VerificationKey.fromRaw(raw);
  } catch {
    return undefined; // not a point of the curve: the caller reports it
  }
}
