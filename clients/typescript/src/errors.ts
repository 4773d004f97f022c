import type { status } from '@grpc/grpc-js';

/** The name of a gRPC code, e.g. `FAILED_PRECONDITION`. */
export type CodeName = keyof typeof status;

/** What an error is made of. */
export interface ErrorFacts {
  readonly reason: string;
  readonly code: CodeName;
  readonly details?: ReadonlyMap<string, string> | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Whether the same call may succeed later. Default: where there is a time to retry after. */
  readonly isRetryable?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * Why a call failed. There is a subclass for each reason, such as `KeyRevokedError`; what a proxy or a newer daemon says is a plain
 * `KeysideError`. Its message is `REASON: sentence`; decide by type or `reason`, for sentences change.
 */
export class KeysideError extends Error {
  override readonly name: string = 'KeysideError';
  /** One of the reasons in docs/errors.md; the code's name where no daemon gave one, e.g. `UNAVAILABLE`. */
  readonly reason: string;
  readonly code: CodeName;
  /** All facts that the daemon gave, e.g. `limitBytes` or `provider`. */
  readonly details: ReadonlyMap<string, string>;
  /** How long to wait before a retry, in milliseconds; undefined where the daemon named no time. */
  readonly retryAfterMs: number | undefined;
  /** Whether the same call may succeed later: the daemon named a time, or no daemon answered (in time). */
  readonly isRetryable: boolean;

  constructor(sentence: string, facts: ErrorFacts) {
    super(`${facts.reason}: ${sentence}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.reason = facts.reason;
    this.code = facts.code;
    this.details = facts.details ?? new Map();
    this.retryAfterMs = facts.retryAfterMs;
    this.isRetryable = facts.isRetryable ?? facts.retryAfterMs !== undefined;
  }

  /** The tenant, where the daemon named it. */
  get tenantId(): string | undefined {
    return this.details.get('tenantId');
  }

  /** The key configuration, where the daemon named one. */
  get keyId(): string | undefined {
    return this.details.get('keyId');
  }
}
