import { asMapping } from '../../config/raw-value.ts';
import type { Clock } from '../../core/clock.ts';
import { errorFields } from '../../telemetry/error-fields.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { type ApiServer, ApiServerError, type KubernetesObject } from './api-server.ts';
import { Problems } from './problems.ts';

const SECOND_MS = 1_000;
const TROUBLE = 'the lease cannot be read or renewed';

/** As client-go has them, and with the same meaning: mixed with replicas of other versions they still exclude each other. */
export interface LeaderTimes {
  /** How long others wait after the last change of the Lease that they saw. */
  readonly leaseDurationMs: number;
  /** How long a leader leads without having renewed; less than `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
}

export interface LeaderOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly lease: string;
  /** Of this process and no other, ever. */
  readonly identity: string;
  readonly times: LeaderTimes;
  /** Counts time asleep, and the wall clock's steps forward too: by it this replica leads, at most too short. */
  readonly clock: Clock;
  /** Counts neither: by it others are waited for, at most too long. Milliseconds from an arbitrary start. */
  readonly monotonicMs: () => number;
  /** Milliseconds since 1970: for people that read the Lease, nothing is judged by it. */
  readonly wallMs: () => number;
  readonly logger: Logger;
}

/**
 * One replica of several, chosen by a Lease of coordination.k8s.io. No two lead at a time, whatever their clocks say, as long as those run
 * equally fast: who waits counts from when it saw the Lease change, who leads from before it asked for the change, and gives up
 * `leaseDurationMs - renewDeadlineMs` earlier. A step of a wall clock, or a sleep, makes either of them err to the same side.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #problems: Problems;
  /** What the Lease said last, and since when it has, by `monotonicMs`; `text` is all of its spec. */
  #observed: { readonly text: string; readonly sinceMs: number } | undefined;
  /** When the last renewal that succeeded was asked for, by `clock`. */
  #renewedMs: number | undefined;
  #wasLeading = false;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#problems = new Problems(options.logger);
  }

  /** Whether this replica may write now. To be asked before each write, whose time must end before others may lead. */
  get isLeading(): boolean {
    const { clock, times } = this.#options;
    return this.#renewedMs !== undefined && clock.nowMs() - this.#renewedMs < times.renewDeadlineMs;
  }

  /** Tries once to get or to keep the Lease; to be called every few seconds, not twice at a time. Never throws. */
  async step(): Promise<void> {
    try {
      await this.#tryOnce();
      this.#problems.over(TROUBLE);
    } catch (error) {
      // Somebody else was faster: the next step sees who.
      const isConflict = error instanceof ApiServerError && error.failure === 'conflict';
      if (!isConflict) this.#problems.report(TROUBLE, error);
    }
    this.#tell();
  }

  /** Gives the Lease back, so that others need not wait. Precondition: no step is under way, and none follows. Never throws. */
  async release(): Promise<void> {
    const { api, logger } = this.#options;
    if (!this.isLeading) return;
    this.#renewedMs = undefined;
    try {
      const lease = await api.get(this.#path());
      if (holderOf(lease) !== this.#options.identity) return;
      await api.replace(this.#path(), this.#held(lease, { holderIdentity: '', leaseDurationSeconds: 1 }));
    } catch (error) {
      logger.log('warn', 'the lease could not be given back', errorFields(error));
    }
    this.#tell();
  }

  async #tryOnce(): Promise<void> {
    const { api, clock, identity } = this.#options;
    const lease = await this.#read();
    if (lease === undefined) {
      const askedMs = clock.nowMs();
      await api.create(this.#collection(), this.#held(this.#blank(), {}));
      this.#renewedMs = askedMs;
      return;
    }
    this.#observe(lease);
    const holder = holderOf(lease);
    if (holder !== identity) this.#renewedMs = undefined;
    if (holder !== identity && holder !== '' && !this.#hasRunOut(lease)) return;
    const askedMs = clock.nowMs();
    const written = await api.replace(this.#path(), this.#held(lease, {}));
    this.#renewedMs = askedMs;
    this.#observe(written);
  }

  async #read(): Promise<KubernetesObject | undefined> {
    try {
      return await this.#options.api.get(this.#path());
    } catch (error) {
      if (error instanceof ApiServerError && error.failure === 'missing') return undefined;
      throw error;
    }
  }

  #observe(lease: KubernetesObject): void {
    const text = JSON.stringify(lease.spec ?? null);
    if (this.#observed?.text !== text) this.#observed = { text, sinceMs: this.#options.monotonicMs() };
  }

  /** Whether its holder was not heard of for as long as either of us thinks one must be. */
  #hasRunOut(lease: KubernetesObject): boolean {
    const { monotonicMs, times } = this.#options;
    const { leaseDurationSeconds } = asMapping(lease.spec);
    const theirsMs = typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds * SECOND_MS : 0;
    const sinceMs = this.#observed?.sinceMs ?? monotonicMs();
    return monotonicMs() - sinceMs > Math.max(theirsMs, times.leaseDurationMs);
  }

  /** The Lease with this replica as its holder. */
  #held(lease: KubernetesObject, changes: Readonly<Record<string, unknown>>): KubernetesObject {
    const { identity, times, wallMs } = this.#options;
    const spec = asMapping(lease.spec);
    const now = microTime(wallMs());
    const isRenewal = holderOf(lease) === identity;
    const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
    return {
      ...lease,
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(times.leaseDurationMs / SECOND_MS),
        acquireTime: isRenewal ? (spec.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: isRenewal ? transitions : transitions + 1,
        ...changes,
      },
    };
  }

  #blank(): KubernetesObject {
    const { namespace, lease } = this.#options;
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: lease, namespace } };
  }

  #collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }

  #path(): string {
    return `${this.#collection()}/${this.#options.lease}`;
  }

  #tell(): void {
    const { isLeading } = this;
    if (isLeading === this.#wasLeading) return;
    this.#wasLeading = isLeading;
    const { identity, logger } = this.#options;
    logger.log('info', isLeading ? 'leading' : 'no longer leading', { identity });
  }
}

/** Empty: nobody. */
function holderOf(lease: KubernetesObject): string {
  const { holderIdentity } = asMapping(lease.spec);
  return typeof holderIdentity === 'string' ? holderIdentity : '';
}

/** Kubernetes' MicroTime. */
function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
}
