/**
 * Decides of each request whether its trace is sampled, before anything of a trace exists: no span, no id, no attribute. What is below
 * a request follows it.
 */
export interface Sampling {
  /** Of a request that continues no trace. */
  samplesNew(): boolean;
  /** Of a request that continues its caller's trace. */
  samplesCallers(caller: CallerTrace): boolean;
}

export interface CallerTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Whether the caller's own span is exported. */
  readonly isSampled: boolean;
}
