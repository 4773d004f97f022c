import type { Attributes } from '@opentelemetry/api';
import { LABELS } from './names.ts';
import type { AuditSinkState } from './telemetry.ts';
import { OTHER_TENANTS, type TenantLabels } from './tenant-labels.ts';

/** What is shown of the sinks that share their labels: most often of one. */
export interface AuditSinkSet {
  readonly attributes: Attributes;
  /** Totals since the start, also of sinks that are gone. */
  delivered: number;
  rejected: number;
  /** The most of any. */
  lagBytes: number;
  lagMs: number;
  /** How many fail. */
  failing: number;
}

/** Beyond so many sets, sinks of further tenants are counted as those of tenants without a label. */
const MAX_SETS = 1_000;

/**
 * The sinks of the audit trail by their labels. Tenants' sinks are named only as far as their tenants are. A set that was shown
 * once is shown for good, at zero where it has no sinks: OpenTelemetry would go on with its last value otherwise.
 */
export class AuditSinkSets {
  readonly #tenantLabels: TenantLabels;
  readonly #sets = new Map<string, AuditSinkSet>();
  #seen = new Map<string, AuditSinkState>();

  constructor(tenantLabels: TenantLabels) {
    this.#tenantLabels = tenantLabels;
  }

  /** Takes over the present state of all sinks. */
  update(sinks: readonly AuditSinkState[]): Iterable<AuditSinkSet> {
    for (const set of this.#sets.values())
      Object.assign(set, { lagBytes: 0, lagMs: 0, failing: 0 } satisfies Partial<AuditSinkSet>);
    const seen = new Map<string, AuditSinkState>();
    for (const sink of sinks) {
      this.#add(sink, this.#seen.get(sink.id));
      seen.set(sink.id, sink);
    }
    this.#seen = seen;
    return this.#sets.values();
  }

  #add(sink: AuditSinkState, before: AuditSinkState | undefined): void {
    const set = this.#setOf(sink);
    set.delivered += grown(sink.deliveredRecords, before?.deliveredRecords);
    set.rejected += grown(sink.rejectedRecords, before?.rejectedRecords);
    set.lagBytes = Math.max(set.lagBytes, sink.lagBytes);
    set.lagMs = Math.max(set.lagMs, sink.lagMs);
    if (sink.isFailing) set.failing += 1;
  }

  #setOf(sink: AuditSinkState): AuditSinkSet {
    const label = this.#tenantLabels.labelOf(sink.tenantId);
    const isOneMore = label === sink.tenantId && this.#sets.size >= MAX_SETS && !this.#sets.has(keyOf(sink, label));
    return this.#at(sink, isOneMore ? OTHER_TENANTS : label);
  }

  #at(sink: AuditSinkState, tenant: string): AuditSinkSet {
    const key = keyOf(sink, tenant);
    const found = this.#sets.get(key);
    if (found !== undefined) return found;
    const attributes = {
      [LABELS.sink.name]: nameOf(sink, tenant),
      [LABELS.kind.name]: sink.kind,
      [LABELS.tenant.name]: tenant,
    };
    const set = { attributes, delivered: 0, rejected: 0, lagBytes: 0, lagMs: 0, failing: 0 };
    this.#sets.set(key, set);
    return set;
  }
}

/** Since the state before; the courier counts from zero where it began anew. */
function grown(now: number, before = 0): number {
  return now >= before ? now - before : now;
}

function keyOf(sink: AuditSinkState, tenant: string): string {
  return `${nameOf(sink, tenant)}\n${sink.kind}\n${tenant}`;
}

/** Tenants choose the names of their sinks: they tell who they are, and have no bound of their own. */
function nameOf({ id, tenantId }: AuditSinkState, tenant: string): string {
  if (tenantId === undefined) return id;
  return tenant === tenantId ? id.slice(tenantId.length + 1) : tenant;
}
