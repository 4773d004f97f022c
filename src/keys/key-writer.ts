import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import type { KmsCallScope } from '../kms/guarded-key.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { type Attributes, type DataKeyLookup, type Metrics, NO_SPAN } from '../telemetry/telemetry.ts';
import { keysOf, type WriteSet } from '../tenants/policy.ts';
import type { LabelPolicy, Tenant } from '../tenants/tenant.ts';
import type { BlockWriter, WrittenBlock } from './block-writer.ts';
import { cacheKey } from './cache-key.ts';
import type { DataKeyCache } from './data-key-cache.ts';
import type { Epochs } from './epochs.ts';
import type { Lease, LeaseTable } from './lease-table.ts';
import { SingleFlight } from './single-flight.ts';

/** How long new wraps of one lease serve the other documents of that lease in a rewrap, in milliseconds. */
const REWRAP_MEMO_MS = 10_000;
const MAX_REWRAP_MEMOS = 1_000;

export interface WriteRequest {
  readonly tenant: Tenant;
  /** The keys to write under: usable, judged by the caller. */
  readonly target: WriteSet;
  /** The label where policy declares it; undefined for all the others, which share one lease. */
  readonly declaredLabel: string | undefined;
  readonly policy: LabelPolicy;
  /** Plaintext bytes that will be encrypted under the data key. */
  readonly bytes: number;
  /** Told how `take` finds the data key. */
  readonly onLookup?: ((lookup: DataKeyLookup) => void) | undefined;
}

export interface WritableKey {
  /** The request's own copy, to wipe. */
  readonly dataKey: SecretBytes;
  readonly keyBlock: KeyBlock;
}

export interface RewrapRequest {
  readonly tenant: Tenant;
  /** The keys to wrap under: usable, judged by the caller. */
  readonly target: WriteSet;
  readonly oldBlock: KeyBlock;
  /** What the old block yields; verified by the caller. Stays the caller's. */
  readonly dataKey: SecretBytes;
  /** Told how the new wraps are found: made a moment ago, or by the KMS. */
  readonly onLookup?: ((lookup: DataKeyLookup) => void) | undefined;
}

export interface KeyWriterParts {
  readonly leases: LeaseTable;
  readonly cache: DataKeyCache;
  readonly blocks: BlockWriter;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly epochs: Epochs;
}

interface RewrapMemo {
  readonly block: KeyBlock;
  readonly tenantId: TenantId;
  readonly configurationIds: readonly KeyConfigurationId[];
  readonly untilMs: number;
}

/** Finds data keys to encrypt under: a lease within its limits, else a new one; and makes new wraps of old data keys. */
export class KeyWriter {
  readonly #parts: KeyWriterParts;
  readonly #leaseFlights = new SingleFlight<WrittenBlock, void>({
    take: () => undefined,
    release: (block) => block.dataKey.wipe(),
  });
  readonly #rewraps = new LRUCache<string, RewrapMemo>({ max: MAX_REWRAP_MEMOS });
  readonly #rewrapFlights = new SingleFlight<KeyBlock, KeyBlock>({ take: (block) => block, release: () => undefined });

  constructor(parts: KeyWriterParts) {
    this.#parts = parts;
  }

  /**
   * The data key of a lease in memory, where one serves: `take` without waiting or copying. It stays the lease's: for use within the
   * caller's synchronous step only.
   */
  lend(request: WriteRequest, { span }: KmsCallScope): WritableKey | undefined {
    if (request.policy.protection !== 'lease') return undefined;
    const lease = this.#useLease(leaseKey(request), request);
    if (lease === undefined) return undefined;
    this.#parts.metrics.dataKeyLookedUp('hit', 'write');
    if (span !== NO_SPAN) {
      const traced = span.child(SPANS.keyLease.name, spanAttributes(request, true));
      traced.set(ATTRIBUTES.hit.name, true);
      traced.end();
    }
    return lease;
  }

  /** @throws {KeysideError} what the KMS said */
  async take(request: WriteRequest, scope: KmsCallScope): Promise<WritableKey> {
    const isLease = request.policy.protection === 'lease';
    const span = scope.span.child(SPANS.keyLease.name, spanAttributes(request, isLease));
    const below: KmsCallScope = {
      span,
      get signal() {
        return scope.signal;
      },
    };
    try {
      if (!isLease) this.#noteLookup(request, 'miss');
      const key = isLease ? await this.#lease(request, below) : await this.#single(request, below);
      span.end();
      return key;
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  /** New wraps for documents under `oldBlock`; one KMS call serves a whole lease. */
  async rewrap(request: RewrapRequest, scope: KmsCallScope): Promise<KeyBlock> {
    const { tenant, target: keys, oldBlock, dataKey } = request;
    const target = { tenant, target: keys };
    const configurationIds = idsOf(keys);
    // Alternatives may hold different data keys: then what one document needs is not what another does.
    if (oldBlock.wraps.length !== Math.max(1, oldBlock.shareCount)) {
      request.onLookup?.('miss');
      return this.#parts.blocks.wrap(target, dataKey, scope);
    }
    const key = `${JSON.stringify(configurationIds)} ${cacheKey(tenant, oldBlock.bytes)}`;
    const memo = this.#rewraps.get(key);
    if (memo !== undefined && this.#parts.clock.nowMs() < memo.untilMs) {
      request.onLookup?.('hit');
      return memo.block;
    }
    request.onLookup?.(this.#rewrapFlights.isFlying(key) ? 'wait' : 'miss');
    const work = async (signal: AbortSignal): Promise<KeyBlock> => {
      // The flight's own copy: who started it may leave while others wait.
      using flying = dataKey.copy();
      const isCurrent = this.#epochCheck(target);
      const untilMs = this.#parts.clock.nowMs() + REWRAP_MEMO_MS;
      const block = await this.#parts.blocks.wrap(target, flying, { signal, span: scope.span });
      if (isCurrent()) this.#rewraps.set(key, { block, tenantId: tenant.id, configurationIds, untilMs });
      return block;
    };
    return this.#rewrapFlights.run(key, work, scope.signal);
  }

  /** Forgets the new wraps that `matches`: the next rewrap asks the KMS again. */
  forgetRewraps(matches: (memo: Pick<RewrapMemo, 'tenantId' | 'configurationIds'>) => boolean): void {
    for (const [key, memo] of [...this.#rewraps.entries()]) if (matches(memo)) this.#rewraps.delete(key);
  }

  /** Notes what has been dropped so far; the result says whether nothing that concerns `target` was dropped since. */
  #epochCheck({ tenant, target }: Pick<WriteRequest, 'tenant' | 'target'>): () => boolean {
    const concerns = { tenantId: tenant.id, configurationIds: idsOf(target) };
    const before = this.#parts.epochs.current(concerns);
    return () => this.#parts.epochs.current(concerns) === before;
  }

  #noteLookup(request: WriteRequest, lookup: DataKeyLookup): void {
    this.#parts.metrics.dataKeyLookedUp(lookup, 'write');
    request.onLookup?.(lookup);
  }

  /** A data key of its own for one document. */
  async #single(request: WriteRequest, scope: KmsCallScope): Promise<WritableKey> {
    scope.span.set(ATTRIBUTES.hit.name, false);
    const isCurrent = this.#epochCheck(request);
    const written = await this.#parts.blocks.generate(request, scope);
    if (isCurrent()) this.#keepForReading(request, written);
    return written;
  }

  async #lease(request: WriteRequest, scope: KmsCallScope): Promise<WritableKey> {
    const key = leaseKey(request);
    let wasOpenedForThis = false;
    for (let attempt = 0; ; attempt++) {
      const lease = this.#useLease(key, request);
      if (lease !== undefined) {
        if (attempt === 0) this.#noteLookup(request, 'hit');
        scope.span.set(ATTRIBUTES.hit.name, attempt === 0);
        return { dataKey: lease.dataKey.copy(), keyBlock: lease.keyBlock };
      }
      // Over before its first use: its time is shorter than its KMS takes, or it was dropped. Another lease would fare no better.
      if (wasOpenedForThis) return this.#single(request, scope);
      const waits = this.#leaseFlights.isFlying(key);
      if (attempt === 0) {
        this.#noteLookup(request, waits ? 'wait' : 'miss');
        scope.span.set(ATTRIBUTES.singleFlight.name, waits);
      }
      // With few documents a lease, those who waited may find it used up: they go round again, until their deadline.
      await this.#leaseFlights.run(key, (signal) => this.#open(key, request, { signal, span: scope.span }), scope.signal);
      wasOpenedForThis = !waits;
    }
  }

  /** Counts the request under its lease; undefined where none serves. */
  #useLease(key: string, request: WriteRequest): Lease | undefined {
    const { leases, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const lease = leases.take(key, { policy: request.policy, bytes: request.bytes, nowMs });
    if (lease === undefined) return undefined;
    if (leases.isRenewalDue(lease, request.policy, nowMs) && !this.#leaseFlights.isFlying(key)) {
      lease.renewalTriedAtMs = nowMs;
      this.#renewAhead(key, request);
    }
    return lease;
  }

  #renewAhead(key: string, request: WriteRequest): void {
    const open = (signal: AbortSignal): Promise<WrittenBlock> =>
      this.#open(key, request, { signal, span: NO_SPAN, isRefresh: true });
    this.#leaseFlights.run(key, open, NEVER).catch(() => undefined); // the lease goes on to its limit; what the failure means was recorded where it failed
  }

  async #open(key: string, request: WriteRequest, scope: KmsCallScope): Promise<WrittenBlock> {
    const isCurrent = this.#epochCheck(request);
    const written = await this.#parts.blocks.generate(request, scope);
    if (isCurrent()) {
      this.#parts.leases.put(key, newLease(request, written));
      this.#keepForReading(request, written);
    }
    return written;
  }

  /** What was just written can be read without another call, for as long as policy allows. */
  #keepForReading(request: WriteRequest, written: WrittenBlock): void {
    const { policy, tenant } = request;
    if (policy.cacheTtlMs === 0) return;
    this.#parts.cache.set(cacheKey(tenant, written.keyBlock.bytes), {
      dataKey: written.dataKey.copy(),
      tenantId: tenant.id,
      openedBy: written.openedBy,
      provenAtMs: written.provenAtMs,
      keepUntilMs: written.provenAtMs + Math.max(policy.cacheTtlMs, policy.outageLimitMs),
      unreachableAtMs: undefined,
    });
  }
}

const NEVER = new AbortController().signal;

function newLease(request: WriteRequest, written: WrittenBlock): Lease {
  return {
    tenantId: request.tenant.id,
    openedBy: written.openedBy,
    dataKey: written.dataKey.copy(),
    keyBlock: written.keyBlock,
    provenAtMs: written.provenAtMs,
    ttlMs: request.policy.leaseTtlMs,
    documents: 0,
    bytes: 0,
    renewalTriedAtMs: undefined,
  };
}

function spanAttributes({ target }: WriteRequest, isLease: boolean): Attributes {
  return { [ATTRIBUTES.keyId.name]: target[0][0].id, [ATTRIBUTES.lease.name]: isLease };
}

/** The key of a snapshot's lease for labels not declared, written once: nearly every request needs it. */
const sharedLeaseKeys = new WeakMap<WriteSet, { readonly tenant: Tenant; readonly key: string }>();

/** Tenant, configuration generation, key configurations and declared label; the labels not declared share one. */
function leaseKey({ tenant, target, declaredLabel }: WriteRequest): string {
  const known = declaredLabel === undefined ? sharedLeaseKeys.get(target) : undefined;
  if (known?.tenant === tenant) return known.key;
  const key = JSON.stringify([tenant.id, tenant.generation, idsOf(target), declaredLabel ?? null]);
  if (declaredLabel === undefined) sharedLeaseKeys.set(target, { tenant, key });
  return key;
}

function idsOf(target: WriteSet): readonly KeyConfigurationId[] {
  return keysOf(target).map(({ id }) => id);
}
