import type { Clock } from '../core/clock.ts';

/** The label of tenants beyond the busiest. */
export const OTHER_TENANTS = 'other';
/** The label where no known tenant was named. */
const NO_TENANT = 'none';
/** The label of every tenant where names are hidden. */
const ALL_TENANTS = 'all';

/** Chooses the `tenant` label of a measurement, so that the number of labels stays bounded. */
export interface TenantLabels {
  /** Counts one request of the tenant and tells its label. */
  count(tenantId: string | undefined): string;
  /** The tenant's label, without counting. */
  labelOf(tenantId: string | undefined): string;
}

/** Names no tenant: `all`, or `none` where there is none. */
export const HIDDEN_TENANTS: TenantLabels = { count: hide, labelOf: hide };

function hide(tenantId: string | undefined): string {
  return tenantId === undefined ? NO_TENANT : ALL_TENANTS;
}

export interface BusiestTenantsOptions {
  readonly clock: Clock;
  /** How many tenants are labelled with their id at once. Default 50; with 0 every tenant is `other`. */
  readonly places?: number;
  /** How often tenants are ranked anew. Default one minute. */
  readonly windowMs?: number;
}

const DEFAULT_PLACES = 50;
const DEFAULT_WINDOW_MS = 60_000;
/** Counters kept for each place, and the fewest: a tenant with more than 1 / (counters + 1) of the requests is always among them. */
const COUNTERS_PER_PLACE = 8;
const MIN_COUNTERS = 256;

interface Counter {
  readonly tenantId: string;
  requests: number;
}

/**
 * Labels the N busiest tenants with their ids and the rest `other`, in memory that depends on N alone.
 *
 * Counting is Misra and Gries' "Finding repeated elements" (1982): at most C = max(8 N, 256) counters. A request of a counted tenant
 * adds one; one of an uncounted tenant takes a free counter or, where there is none, takes one from every counter, and those at zero
 * become free. A tenant's counter is then short by at most 1 / (C + 1) of all requests, at an amortised cost of one addition each.
 *
 * While a place is free the next tenant seen takes it at once. After each window tenants are ranked by their counters, and then all
 * counters are halved, so that the past fades. Places go, in this order, to
 * 1. tenants ranked within the first half of the places (rounded up): the busiest gets its label whoever holds one;
 * 2. holders still ranked within twice the places: a tenant about as busy as its neighbours keeps its label (hysteresis);
 * 3. others by rank;
 * 4. holders that were quiet: nobody else wanted the place.
 * Hence at most N labels at any instant, and with no more than N tenants each keeps its own for good.
 */
export class BusiestTenants implements TenantLabels {
  readonly #clock: Clock;
  readonly #places: number;
  readonly #windowMs: number;
  readonly #maxCounters: number;
  readonly #counters = new Map<string, Counter>();
  #holders = new Set<string>();
  #windowEndsMs: number;

  constructor(options: BusiestTenantsOptions) {
    this.#clock = options.clock;
    this.#places = options.places ?? DEFAULT_PLACES;
    this.#windowMs = options.windowMs ?? DEFAULT_WINDOW_MS;
    this.#maxCounters = Math.max(this.#places * COUNTERS_PER_PLACE, MIN_COUNTERS);
    this.#windowEndsMs = this.#clock.nowMs() + this.#windowMs;
  }

  /** The tenants labelled with their ids at this instant. */
  get labelled(): ReadonlySet<string> {
    return this.#holders;
  }

  /** How many counters there are: never more than max(8 N, 256). */
  get counters(): number {
    return this.#counters.size;
  }

  count(tenantId: string | undefined): string {
    if (tenantId === undefined) return NO_TENANT;
    if (this.#places === 0) return OTHER_TENANTS;
    this.#countOne(tenantId);
    if (this.#clock.nowMs() >= this.#windowEndsMs) this.#endWindow();
    if (this.#holders.size < this.#places) this.#holders.add(tenantId);
    return this.labelOf(tenantId);
  }

  labelOf(tenantId: string | undefined): string {
    if (tenantId === undefined) return NO_TENANT;
    return this.#holders.has(tenantId) ? tenantId : OTHER_TENANTS;
  }

  #countOne(tenantId: string): void {
    const counter = this.#counters.get(tenantId);
    if (counter !== undefined) counter.requests += 1;
    else if (this.#counters.size < this.#maxCounters) this.#counters.set(tenantId, { tenantId, requests: 1 });
    else this.#reduce((requests) => requests - 1);
  }

  #endWindow(): void {
    this.#windowEndsMs = this.#clock.nowMs() + this.#windowMs;
    this.#holders = this.#assignPlaces([...this.#counters.values()].sort((a, b) => this.#compare(a, b)));
    this.#reduce((requests) => Math.floor(requests / 2));
  }

  #assignPlaces(ranked: readonly Counter[]): Set<string> {
    const ids = ranked.map(({ tenantId }) => tenantId);
    const first = ids.slice(0, Math.ceil(this.#places / 2));
    const kept = ids.slice(0, this.#places * 2).filter((tenantId) => this.#holders.has(tenantId));
    const places = new Set<string>();
    for (const tenantId of [first, kept, ids, [...this.#holders]].flat()) {
      if (places.size === this.#places) break;
      places.add(tenantId);
    }
    return places;
  }

  /** Busier first; of equals the holder, so that a tie changes nothing. */
  #compare(a: Counter, b: Counter): number {
    return b.requests - a.requests || Number(this.#holders.has(b.tenantId)) - Number(this.#holders.has(a.tenantId));
  }

  #reduce(change: (requests: number) => number): void {
    for (const counter of this.#counters.values()) {
      counter.requests = change(counter.requests);
      if (counter.requests <= 0) this.#counters.delete(counter.tenantId);
    }
  }
}
