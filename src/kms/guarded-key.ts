import type { WrapContext } from '../core/encryption-context.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { Span } from '../telemetry/telemetry.ts';
import type { GeneratedDataKey, KeyDescription, UnwrapRequest, Wrapped, WrapRequest } from './kms.ts';

/** On whose behalf a KMS is called: ends when the signal aborts, and traces below the span. */
export interface KmsCallScope {
  readonly signal: AbortSignal;
  readonly span: Span;
  /** Whether the call is made ahead of need, while what it replaces still serves. Default no. */
  readonly isRefresh?: boolean;
}

/**
 * A tenant's key behind the guard: every call has a deadline, a place under the key's concurrency cap, retries for weather, and a
 * reply that was checked. Throws as `KmsKey` does; also OVERLOADED where the cap's queue is full, and CANCELLED or KMS_TIMEOUT
 * where the signal or the time limit ended the call.
 */
export interface GuardedKey {
  wrap(request: WrapRequest, scope: KmsCallScope): Promise<Wrapped>;
  /** Postcondition: exactly 32 bytes, the caller's to wipe. */
  unwrap(request: UnwrapRequest, scope: KmsCallScope): Promise<SecretBytes>;
  /** A fresh data key and its wrap: from the KMS in one call where it has such a call, else made here and wrapped. */
  generate(context: WrapContext, scope: KmsCallScope): Promise<GeneratedDataKey>;
  describe(scope: KmsCallScope): Promise<KeyDescription>;
  accepts(wrapped: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean;
  readonly provenByWrap: boolean;
}

/** What of a key configuration is needed to open its key. */
export interface KeySpec {
  readonly id: string;
  readonly provider: string;
  readonly settings: unknown;
  readonly fingerprint: string;
}

/** Hands out the guarded key of a configuration; opens it on first use, without asking the KMS. */
export interface KeyDirectory {
  key(spec: KeySpec): GuardedKey;
}
