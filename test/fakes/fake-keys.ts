import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits } from '../../src/kms/guard.ts';
import type { GuardedKey, KeyDirectory, KeySpec } from '../../src/kms/guarded-key.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import type { KmsWatch } from '../../src/kms/kms-watch.ts';
import type { Timer } from '../../src/kms/timer.ts';
import type { Metrics } from '../../src/telemetry/telemetry.ts';
import type { FakeKms } from './fake-kms.ts';

/** Puts something of a test's own between the guard and the fake KMS. */
export type Alteration = (key: KmsKey) => KmsKey;

export interface FakeKeysParts {
  readonly kms: FakeKms;
  readonly timer: Timer;
  readonly metrics: Metrics;
  readonly limits?: Partial<GuardLimits>;
  readonly watch?: KmsWatch | undefined;
}

/** A key directory over a fake KMS: the key of a configuration is the fake's key of the same name, behind the real guard. */
export class FakeKeys implements KeyDirectory {
  readonly #parts: FakeKeysParts;
  readonly #guards = new Map<string, GuardedKey>();
  readonly #alterations = new Map<string, Alteration>();

  constructor(parts: FakeKeysParts) {
    this.#parts = parts;
  }

  /** From now on the key of this configuration is another one. */
  alter(id: string, alteration: Alteration): void {
    this.#alterations.set(id, alteration);
    this.#guards.delete(id);
  }

  key({ id }: Pick<KeySpec, 'id'>): GuardedKey {
    const known = this.#guards.get(id);
    if (known !== undefined) return known;
    const { kms, timer, metrics, limits, watch } = this.#parts;
    const plain = kms.open(id);
    const key = this.#alterations.get(id)?.(plain) ?? plain;
    // One attempt: what is tested is not the guard's patience.
    const guardLimits = { ...DEFAULT_GUARD_LIMITS, maxAttempts: 1, ...limits };
    const guard = new Guard({ id, provider: 'aws', key }, { timer, metrics, random: () => 0, watch }, guardLimits);
    this.#guards.set(id, guard);
    return guard;
  }
}
