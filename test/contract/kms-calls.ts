import assert from 'node:assert/strict';
import { systemClock } from '../../src/core/clock.ts';
import type { WrapContext } from '../../src/core/encryption-context.ts';
import { type ErrorReason, KeysideError, reasonEntry, type StatusCode } from '../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits } from '../../src/kms/guard.ts';
import type { KmsCallScope } from '../../src/kms/guarded-key.ts';
import type { KmsKey, Wrapped } from '../../src/kms/kms.ts';
import { systemTimer, type Timer } from '../../src/kms/timer.ts';
import { NO_SPAN, NO_TELEMETRY } from '../../src/telemetry/telemetry.ts';

/** Few attempts and short pauses: what is tested is the provider, not patience. */
export const LIMITS: GuardLimits = { ...DEFAULT_GUARD_LIMITS, maxAttempts: 2, firstPauseMs: 1 };

export const CONTEXT = contextOf();

export function contextOf(change: Partial<WrapContext> = {}): WrapContext {
  return {
    tenantId: parseTenantId('acme'),
    configurationId: parseKeyConfigurationId('acme-main'),
    share: 0,
    shareCount: 0,
    ...change,
  };
}

/** Behind a guard as in the daemon, with what the test needs to be otherwise. */
export function guardOf(key: KmsKey, limits: Partial<GuardLimits> = {}, timer: Timer = TIMER): Guard {
  const tools = { timer, metrics: NO_TELEMETRY.metrics, random: () => 0.5 };
  return new Guard({ id: CONTEXT.configurationId, provider: 'local', key }, tools, { ...LIMITS, ...limits });
}

const TIMER = systemTimer(systemClock());

export function scope(signal: AbortSignal = new AbortController().signal): KmsCallScope {
  return { signal, span: NO_SPAN };
}

export function sample(): SecretBytes {
  return SecretBytes.own(crypto.getRandomValues(new Uint8Array(32)));
}

export async function wrapSample(guard: Guard, context: WrapContext = CONTEXT): Promise<Wrapped> {
  using dataKey = sample();
  return await guard.wrap({ dataKey, context }, scope());
}

const CODES: Partial<Record<ErrorReason, StatusCode>> = {
  REQUEST_INVALID: 'INVALID_ARGUMENT',
  CIPHERTEXT_REJECTED: 'INVALID_ARGUMENT',
  KEY_REVOKED: 'FAILED_PRECONDITION',
  KEY_NOT_FOUND: 'FAILED_PRECONDITION',
  KEY_MISCONFIGURED: 'FAILED_PRECONDITION',
  KEY_ACCESS_DENIED: 'PERMISSION_DENIED',
  KMS_UNAVAILABLE: 'UNAVAILABLE',
  KMS_THROTTLED: 'RESOURCE_EXHAUSTED',
  KMS_TIMEOUT: 'DEADLINE_EXCEEDED',
  OVERLOADED: 'RESOURCE_EXHAUSTED',
  CANCELLED: 'CANCELLED',
  INTERNAL: 'INTERNAL',
};

/** Asserts reason and code, and returns the error. */
export async function rejects(promise: Promise<unknown>, reason: ErrorReason, what = 'it'): Promise<KeysideError> {
  const error = await promise.then(
    () => assert.fail(`${what} succeeded, ${reason} was expected`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KeysideError, `${what} threw ${String(error)}, which is no KeysideError`);
  assert.equal(error.reason, reason, `${what}: ${error.message}`);
  assert.equal(reasonEntry(error.reason).code, CODES[reason]);
  return error;
}
