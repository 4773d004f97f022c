import type { EventKind } from '../../src/audit/event.ts';

/** What a client knows of one record that there should be: by request, item of a batch, and half of a stream. */
export interface Operation {
  readonly requestId: string;
  /** Of a batch's document, else empty. */
  readonly itemId: string;
  readonly phase: 'whole' | 'opened' | 'ended';
  readonly tenantId: string;
  readonly kind: EventKind;
  readonly method: string;
}

export interface Acknowledged extends Operation {
  /** What the caller was told: OK, or the reason. */
  readonly outcome: string;
  readonly atMs: number;
}

export interface Refusal {
  /** Of gRPC. */
  readonly code: string;
  /** The daemon's; empty where it said none. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
}

export function operationKey({ requestId, itemId, phase }: Pick<Operation, 'requestId' | 'itemId' | 'phase'>): string {
  return `${requestId}|${itemId}|${phase}`;
}

/** What an application was told, kept where no crash of the daemon reaches it. */
export class Ledger {
  readonly acknowledged = new Map<string, Acknowledged>();
  readonly #asked = new Map<string, Operation>();
  #onNextAnswer: (() => void) | undefined;
  /** How calls ended that were not answered: the connection broke, or the daemon refused to begin. */
  readonly refusals: Refusal[] = [];

  /** Before the operation is asked for. */
  asked(operation: Operation): void {
    const key = operationKey(operation);
    if (this.#asked.has(key)) throw new Error(`${key} was asked for twice`);
    this.#asked.set(key, operation);
  }

  /** When the operation was answered. */
  answered(operation: Operation, outcome: string): void {
    this.acknowledged.set(operationKey(operation), { ...operation, outcome, atMs: performance.now() });
    this.#onNextAnswer?.();
    this.#onNextAnswer = undefined;
  }

  /** Does something in the same instant in which the next answer has come. */
  atNextAnswer(work: () => void): void {
    this.#onNextAnswer = work;
  }

  refused(refusal: Refusal): void {
    this.refusals.push(refusal);
  }

  /** What was asked for under this key. */
  find(key: string): Operation | undefined {
    return this.#asked.get(key);
  }

  get unanswered(): number {
    return this.#asked.size - this.acknowledged.size;
  }
}
