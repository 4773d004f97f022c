import type { Clock } from '../core/clock.ts';
import { isWeather, KeysideError, reasonEntry } from '../core/errors.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import type { KeyDirectory, KmsCallScope } from '../kms/guarded-key.ts';
import type { Timer } from '../kms/timer.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { type Attributes, type DataKeyLookup, type Metrics, NO_SPAN, type Span } from '../telemetry/telemetry.ts';
import type { LabelPolicy, Tenant } from '../tenants/tenant.ts';
import { type FailureListener, type OpenedBlock, openBlock } from './block-opener.ts';
import { cacheKey } from './cache-key.ts';
import type { CachedDataKey, DataKeyCache } from './data-key-cache.ts';
import { isRefreshDue, noteAttempt, noteRefusal, serves } from './entry-lifetime.ts';
import type { EpochScope, Epochs } from './epochs.ts';
import { type JudgedWrap, judgeBlock } from './judge.ts';
import { SingleFlight } from './single-flight.ts';

export interface ReadRequest {
  readonly tenant: Tenant;
  readonly keyBlock: KeyBlock;
  /** The policy of the label that is stored with the block. */
  readonly policy: LabelPolicy;
  /** How long after its proof a data key may serve at most, whatever the policy for reading: who encrypts has `lease.ttl`. */
  readonly maxAgeMs: number;
  /** Whether a data key is the one that the header commits to; decides between alternatives. */
  readonly verifies: (dataKey: SecretBytes) => boolean;
  /** Told how `open` finds the data key. The last word counts: an outage may end what began as a miss. */
  readonly onLookup?: ((lookup: DataKeyLookup) => void) | undefined;
}

export interface ReaderParts {
  readonly cache: DataKeyCache;
  readonly keys: KeyDirectory;
  readonly clock: Clock;
  /** For how long one KMS is waited for before the next alternative is asked too. */
  readonly timer: Timer;
  readonly metrics: Metrics;
  readonly onFailure: FailureListener;
  readonly epochs: Epochs;
}

interface Proof extends OpenedBlock {
  readonly provenAtMs: number;
}

/** Finds the data keys of stored documents: in the cache within their lifetime, else through the tenant's KMS. */
export class KeyReader {
  readonly #parts: ReaderParts;
  readonly #flights = new SingleFlight<Proof, Proof>({
    take: (proof) => ({ ...proof, dataKey: proof.dataKey.copy() }),
    release: (proof) => proof.dataKey.wipe(),
  });

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * The block's data key, where it is in memory and serves: `open` without waiting or copying. It stays the cache's: for use within the
   * caller's synchronous step only, and with the commitment compared. Undefined too where alternatives must be told apart.
   * @throws {KeysideError} CIPHERTEXT_REJECTED, KEY_DISABLED_HERE, POLICY_DENIED
   */
  lend(request: ReadRequest, scope: KmsCallScope): SecretBytes | undefined {
    const { tenant, keyBlock, policy } = request;
    const { cache, clock, keys, metrics } = this.#parts;
    const wraps = judgeBlock(tenant, keyBlock, keys);
    if (policy.cacheTtlMs === 0 || wraps.length !== Math.max(1, keyBlock.shareCount)) return undefined;
    const key = cacheKey(tenant, keyBlock.bytes);
    const entry = cache.get(key);
    const nowMs = clock.nowMs();
    // What an outage allows is left to `open`.
    if (entry === undefined || nowMs - entry.provenAtMs >= Math.min(policy.cacheTtlMs, request.maxAgeMs)) return undefined;
    metrics.dataKeyLookedUp('hit', 'read');
    if (scope.span !== NO_SPAN) {
      const span = scope.span.child(SPANS.keyOpen.name, spanAttributes(wraps));
      span.set(ATTRIBUTES.hit.name, true);
      span.end();
    }
    if (isRefreshDue(entry, policy, nowMs)) this.#refreshAhead({ request, wraps, key }, nowMs);
    return entry.dataKey;
  }

  /**
   * The block's data key, as the request's own copy to wipe. The caller still compares the commitment, whatever this returns.
   * @throws {KeysideError} CIPHERTEXT_REJECTED, KEY_DISABLED_HERE, POLICY_DENIED, or what the KMS said
   */
  async open(request: ReadRequest, scope: KmsCallScope): Promise<SecretBytes> {
    const wraps = judgeBlock(request.tenant, request.keyBlock, this.#parts.keys);
    const dataKey = await this.#find(request, wraps, scope);
    if (wraps.length === Math.max(1, request.keyBlock.shareCount) || request.verifies(dataKey)) return dataKey;
    // The block has alternatives with different data keys. Which one is meant depends on the document, so nothing is shared.
    dataKey.wipe();
    request.onLookup?.('miss');
    const { timer, onFailure } = this.#parts;
    return (await openBlock(request.tenant, wraps, { scope, timer, verifies: request.verifies, onFailure })).dataKey;
  }

  async #find(request: ReadRequest, wraps: readonly JudgedWrap[], scope: KmsCallScope): Promise<SecretBytes> {
    const span = scope.span.child(SPANS.keyOpen.name, spanAttributes(wraps));
    try {
      const search = { request, wraps, key: cacheKey(request.tenant, request.keyBlock.bytes) };
      const dataKey = await this.#lookUp(search, below(scope, span));
      span.end();
      return dataKey;
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  async #lookUp(search: Search, scope: KmsCallScope): Promise<SecretBytes> {
    const { cache, clock } = this.#parts;
    const { policy } = search.request;
    const entry = policy.cacheTtlMs > 0 ? cache.get(search.key) : undefined;
    const nowMs = clock.nowMs();
    if (entry !== undefined && this.#serves(search, entry, nowMs)) {
      const isOutage = nowMs - entry.provenAtMs >= policy.cacheTtlMs;
      this.#noteLookup(search, isOutage ? 'outage' : 'hit');
      scope.span.set(ATTRIBUTES.hit.name, true);
      if (isOutage) scope.span.set(ATTRIBUTES.outage.name, true);
      const dataKey = entry.dataKey.copy();
      if (isRefreshDue(entry, policy, nowMs)) this.#refreshAhead(search, nowMs);
      return dataKey;
    }
    scope.span.set(ATTRIBUTES.hit.name, false);
    const refusal = cache.refusal(search.key, nowMs);
    if (refusal !== undefined) throw refusal;
    return this.#ask(search, scope);
  }

  #serves(search: Search, entry: CachedDataKey, nowMs: number): boolean {
    const { policy, maxAgeMs } = search.request;
    return serves(entry, { policy, maxAgeMs, nowMs }, () => this.#flights.isFlying(this.#flightOf(search)));
  }

  /** Flights from before a drop are not joined after it. */
  #flightOf({ key, request, wraps }: Search): string {
    return `${this.#parts.epochs.current(concerns(request, wraps))} ${key}`;
  }

  #noteLookup({ request }: Search, lookup: DataKeyLookup): void {
    this.#parts.metrics.dataKeyLookedUp(lookup, 'read');
    request.onLookup?.(lookup);
  }

  async #ask(search: Search, scope: KmsCallScope): Promise<SecretBytes> {
    const { cache, clock } = this.#parts;
    if (search.request.policy.cacheTtlMs === 0) {
      // Every read has a KMS call of its own: no sharing, nothing kept.
      this.#noteLookup(search, 'miss');
      return (await this.#prove(search, scope)).dataKey;
    }
    const flight = this.#flightOf(search);
    const waits = this.#flights.isFlying(flight);
    this.#noteLookup(search, waits ? 'wait' : 'miss');
    scope.span.set(ATTRIBUTES.singleFlight.name, waits);
    try {
      const asked = this.#flights.run(flight, (signal) => this.#proveAgain(search, { signal, span: scope.span }), scope.signal);
      // An outage is only learned by waiting for it: with a key at hand, callers with short deadlines must not cut that off.
      if (!waits && cache.get(search.key) !== undefined) this.#refresh(search);
      return this.#taken(search, flight, await asked);
    } catch (error) {
      const entry = isWeather(error) ? cache.get(search.key) : undefined;
      if (entry === undefined || scope.signal.aborted || !this.#serves(search, entry, clock.nowMs())) throw error;
      this.#noteLookup(search, 'outage');
      scope.span.set(ATTRIBUTES.outage.name, true);
      return entry.dataKey.copy();
    }
  }

  #refreshAhead(search: Search, nowMs: number): void {
    if (this.#flights.isFlying(this.#flightOf(search))) return;
    if (this.#parts.cache.refusal(search.key, nowMs) === undefined) this.#refresh(search);
  }

  /** Proves the key again for nobody in particular, or keeps the flight that does so in the air. */
  #refresh(search: Search): void {
    const flight = this.#flightOf(search);
    this.#flights
      .run(flight, (signal) => this.#proveAgain(search, { signal, span: NO_SPAN, isRefresh: true }), NEVER)
      .then((proof) => this.#taken(search, flight, proof).wipe())
      .catch(() => undefined); // what a failed refresh means was already recorded where it failed
  }

  async #proveAgain(search: Search, scope: KmsCallScope): Promise<Proof> {
    const { cache, clock, epochs } = this.#parts;
    const { request } = search;
    const tenantOnly = { tenantId: request.tenant.id, configurationIds: [] };
    const before = epochs.current(tenantOnly);
    const known = cache.get(search.key);
    if (known !== undefined) noteAttempt(known, clock.nowMs());
    try {
      return await this.#prove(search, scope);
    } catch (error) {
      const isAfterDrop = epochs.current(tenantOnly) !== before;
      this.#noteFailure(search, error, isAfterDrop);
      throw error;
    }
  }

  #noteFailure({ key, request }: Search, error: unknown, isAfterDrop: boolean): void {
    const { cache, clock } = this.#parts;
    const entry = cache.get(key);
    if (isWeather(error)) {
      if (entry !== undefined) entry.unreachableAtMs = clock.nowMs();
      return;
    }
    if (!isRefusal(error)) return;
    if (entry !== undefined) noteRefusal(entry, request.policy);
    if (!isAfterDrop) cache.refuse(key, { error, tenantId: request.tenant.id }, clock.nowMs());
  }

  async #prove(search: Search, scope: KmsCallScope): Promise<Proof> {
    const provenAtMs = this.#parts.clock.nowMs();
    // With alternatives, any data key that unwraps will do here: `open` holds it against the document's commitment.
    const { timer, onFailure } = this.#parts;
    const opened = await openBlock(search.request.tenant, search.wraps, { scope, timer, verifies: () => true, onFailure });
    return { ...opened, provenAtMs };
  }

  /** The flight's data key as one waiter takes it; kept where nothing that concerns it was dropped while it was in the air. */
  #taken(search: Search, flight: string, proof: Proof): SecretBytes {
    if (this.#flightOf(search) === flight) this.#keep(search, proof);
    return proof.dataKey;
  }

  /**
   * Keeps a data key under the policy of the label that the document is stored with. Only the commitment shows that the label is the
   * one the data was written under: until it was compared, the label is a claim, and a claim pins no key in memory.
   */
  #keep(search: Search, proof: Proof): void {
    const { policy, tenant } = search.request;
    const known = this.#parts.cache.get(search.key);
    if (known !== undefined && known.provenAtMs >= proof.provenAtMs) return;
    if (!search.request.verifies(proof.dataKey)) return;
    const keepUntilMs = proof.provenAtMs + Math.max(policy.cacheTtlMs, policy.outageLimitMs);
    this.#parts.cache.set(search.key, {
      dataKey: proof.dataKey.copy(),
      tenantId: tenant.id,
      openedBy: proof.openedBy,
      provenAtMs: proof.provenAtMs,
      keepUntilMs: Math.max(keepUntilMs, known?.keepUntilMs ?? 0),
      unreachableAtMs: undefined,
    });
  }
}

function spanAttributes([first]: readonly JudgedWrap[]): Attributes {
  return { [ATTRIBUTES.keyId.name]: (first as JudgedWrap).configuration.id };
}

/** The same call, traced below `span`. The signal stays lazy: a hit never makes one. */
function below(scope: KmsCallScope, span: Span): KmsCallScope {
  return {
    span,
    get signal() {
      return scope.signal;
    },
  };
}

interface Search {
  readonly request: ReadRequest;
  readonly wraps: readonly JudgedWrap[];
  readonly key: string;
}

/** Whose drops concern a read: the tenant's, and those of all the configurations that its block names. */
function concerns({ tenant }: ReadRequest, wraps: readonly JudgedWrap[]): EpochScope {
  return { tenantId: tenant.id, configurationIds: wraps.map((judged) => judged.configuration.id) };
}

/** A refresh nobody waits for is bounded by the guard's own time limit. */
const NEVER = new AbortController().signal;

/** The KMS answered, and the answer was no. */
function isRefusal(error: unknown): error is KeysideError {
  if (!(error instanceof KeysideError)) return false;
  const { actor } = reasonEntry(error.reason);
  return error.reason === 'CIPHERTEXT_REJECTED' || (error.reason.startsWith('KEY_') && actor !== 'weather');
}
