import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { ProviderName } from '../core/providers.ts';
import type { Outcome } from '../telemetry/telemetry.ts';

/** One whole operation at a KMS, whatever attempts, hedges and pauses it took. */
export interface KmsOperationEnded {
  readonly tenantId: TenantId;
  readonly configurationId: KeyConfigurationId;
  /** Which version of the key wrapped or was to unwrap; empty where there is none or it was not learned. */
  readonly keyVersion: string;
  readonly provider: ProviderName;
  readonly operation: 'wrap' | 'unwrap' | 'generate';
  /** Whether it was made ahead of need, while what it replaces still served. */
  readonly isRefresh: boolean;
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** The trace of the request that it was made for; undefined where there is none. */
  readonly traceId: string | undefined;
}

/** Is told of every use of a tenant's key, and may forbid it. Asking for a key's state is not a use. */
export interface KmsWatch {
  /**
   * Asked before each operation: where it throws, the KMS is asked nothing.
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  assertMayAsk(): void;

  /**
   * Told after each operation, however it ended. Where it throws, the reply is discarded and a data key that came with it is wiped.
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  ended(event: KmsOperationEnded): void;
}
