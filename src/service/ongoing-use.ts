import type { CallScope, ServiceParts } from './service.ts';
import { openStored, type StoredUse } from './stored-document.ts';

/** How old a proof may be while a stream goes on, in milliseconds. */
const PROOF_MS = 1_000;

/**
 * A stream may outlast any cache. So once a second, when a chunk comes, its stored header is judged and opened as that of a new request
 * would be: what is revoked, dropped or no longer allowed ends the stream as soon as it would refuse a call, and a second later at most.
 */
export class OngoingUse {
  readonly #parts: ServiceParts;
  readonly #use: StoredUse;
  readonly #scope: CallScope;
  #provenAtMs: number;

  /** Precondition: the use was proven just now. */
  constructor(parts: ServiceParts, use: StoredUse, scope: CallScope) {
    this.#parts = parts;
    this.#use = use;
    this.#scope = scope;
    this.#provenAtMs = parts.clock.nowMs();
  }

  /** @throws {KeysideError} what a new request of the same would end in */
  async assertAllowed(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - this.#provenAtMs < PROOF_MS) return;
    const { dataKey } = await openStored(this.#parts, this.#use, this.#scope);
    dataKey.wipe();
    this.#provenAtMs = nowMs;
  }
}
