import { randomFillSync } from 'node:crypto';
import { chooseCipher } from '../../cipher/choose-cipher.ts';
import type { DaemonConfig } from '../../config/daemon-config.ts';
import { systemClock } from '../../core/clock.ts';
import type { WrapContext } from '../../core/encryption-context.ts';
import { KeysideError } from '../../core/errors.ts';
import { DATA_KEY_BYTES } from '../../core/providers.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { DEFAULT_GUARD_LIMITS } from '../../kms/guard.ts';
import type { GuardedKey, KmsCallScope } from '../../kms/guarded-key.ts';
import { KeyRegistry } from '../../kms/registry.ts';
import { systemTimer } from '../../kms/timer.ts';
import { NO_SPAN, NO_TELEMETRY } from '../../telemetry/telemetry.ts';
import { adviceFor } from '../advice.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';
import type { ConfiguredKey, ConfiguredTenant } from './tenants.ts';

/** A key of a tenant; for a vendor's default key any tenant that it serves. */
export interface KeyToProbe {
  readonly tenantId: ConfiguredTenant['id'];
  readonly key: ConfiguredKey;
}

interface ProbeLimits {
  /** Of each operation, retries included. */
  readonly timeoutMs: number;
  readonly kms: DaemonConfig['kms'];
  /** The deployment's; empty: keys that need one are told so. */
  readonly originKeys: readonly SecretBytes[];
}

/** The keys of a configuration as the daemon would open them, without the daemon. */
export class KeyProbes {
  readonly #registry: KeyRegistry;

  constructor({ timeoutMs, kms, originKeys }: ProbeLimits) {
    this.#registry = new KeyRegistry({
      cipher: chooseCipher().cipher,
      timer: systemTimer(systemClock()),
      metrics: NO_TELEMETRY.metrics,
      random: Math.random,
      originKeys,
      limits: {
        ...DEFAULT_GUARD_LIMITS,
        maxAttempts: 1,
        attemptMs: Math.min(kms.attemptTimeoutMs, timeoutMs),
        operationMs: timeoutMs,
        // Each key is asked once: of what comes after a failure, much only says that there was one.
        failuresToOpen: Number.MAX_SAFE_INTEGER,
      },
    });
  }

  /** Wraps random bytes, unwraps and compares them, asks for the key's state. Never throws: a key that fails is a finding. */
  async probe({ tenantId, key }: KeyToProbe): Promise<Finding> {
    const what = key.isVendorDefault ? `vendor's default key ${key.id}` : `key ${key.id} of ${tenantId}`;
    if (key.state === 'disabled') return skip(what, 'disabled in the configuration');
    try {
      return await this.#probed({ tenantId, key }, what);
    } catch (error) {
      if (!(error instanceof KeysideError)) return fail(what, error instanceof Error ? error.message : String(error));
      const advice = adviceFor(error.reason, key.provider);
      const finding = fail(what, `${error.reason}: ${error.message}`, advice && `${advice.who}: ${advice.todo}`);
      return { ...finding, reason: error.reason };
    }
  }

  async close(): Promise<void> {
    await this.#registry.closeAll();
  }

  async #probed({ tenantId, key }: KeyToProbe, what: string): Promise<Finding> {
    await this.#registry.prepare([key.provider]);
    const guarded = this.#registry.key(key);
    const context = { tenantId, configurationId: key.id, share: 0, shareCount: 0 };
    const scope: KmsCallScope = { signal: new AbortController().signal, span: NO_SPAN };
    const describing = describe(guarded, scope);
    try {
      const words = `${key.provider}, ${key.state}, ${await roundTrip(guarded, context, scope)}`;
      const state = await describing;
      if (!(state instanceof KeysideError)) return ok(what, `${words}; ${state}`);
      const mend = 'allow the daemon to describe the key: else it cannot tell a revoked key from a refusal';
      return warn(what, `${words}, but its state cannot be asked for: ${state.reason}: ${state.message}`, mend);
    } finally {
      await describing;
    }
  }
}

/** Wraps and unwraps random bytes. Returns how long each took, in words. */
async function roundTrip(guarded: GuardedKey, context: WrapContext, scope: KmsCallScope): Promise<string> {
  using dataKey = SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
  const startMs = performance.now();
  const wrapped = await guarded.wrap({ dataKey, context }, scope);
  const wrappedMs = performance.now();
  using opened = await guarded.unwrap({ wrapped, context }, scope);
  const unwrappedMs = performance.now();
  if (!opened.equals(dataKey)) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${context.configurationId} does not unwrap what it wrapped`);
  }
  return `wraps in ${shown(wrappedMs - startMs)}, unwraps in ${shown(unwrappedMs - wrappedMs)}`;
}

/** Never rejects: what keeps a state from being told is worth a word, not the probe. */
async function describe(guarded: GuardedKey, scope: KmsCallScope): Promise<string | KeysideError> {
  try {
    return (await guarded.describe(scope)).detail;
  } catch (error) {
    return error instanceof KeysideError ? error : new KeysideError('INTERNAL', String(error), { cause: error });
  }
}

function shown(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
