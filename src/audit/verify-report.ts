import type { ChainCheck, Fault, Proven } from './verify-chain.ts';
import type { Signer } from './verify-checkpoint.ts';
import { type StartBeginning, type UnprovenChain, unprovenChains } from './verify-unproven.ts';

/**
 * `verified`: nothing is wrong, and every chain is signed by who is trusted. `unproven`: nothing is wrong and who signed is trusted, but
 * there are chains that are not signed as they should be (`VerifyReport.unprovenChains`). `consistent`: nothing is wrong, but who signed
 * is not proven. Each holds up to a chain's last checkpoint, and says nothing of what comes after it. `fault`: something is wrong.
 */
export type Verdict = 'verified' | 'unproven' | 'consistent' | 'fault';

/** One tenant's chain in one start of a sidecar. */
export interface ChainReport {
  readonly sidecar: string;
  readonly start: string;
  /** Of the chain: the first and last record that are there. */
  readonly first: number;
  readonly last: number;
  /** Undefined: no checkpoint covers any record of it. */
  readonly proven: Proven | undefined;
  /** Records that no checkpoint covers, other than checkpoints. */
  readonly unproven: number;
}

export interface TenantReport {
  /** Empty: the daemon's own records. */
  readonly tenantId: string;
  /** Without checkpoints. */
  readonly records: number;
  readonly checkpoints: number;
  /** Records that are there once more, the same as before. */
  readonly repeated: number;
  readonly unproven: number;
  readonly chains: readonly ChainReport[];
}

export interface VerifyReport {
  readonly verdict: Verdict;
  /** The first of them. */
  readonly fault: Fault | undefined;
  readonly faults: number;
  readonly files: number;
  readonly records: number;
  readonly checkpoints: number;
  readonly repeated: number;
  readonly unproven: number;
  /** Chains that lack checkpoints, whoever would have signed them. */
  readonly unprovenChains: readonly UnprovenChain[];
  /** Of how many of the starts it was checked that no chain is missing. */
  readonly compared: { readonly starts: number; readonly of: number };
  /** Records that someone laid out anew: the same content in other bytes. */
  readonly notCanonical: number;
  readonly signers: readonly Signer[];
  readonly tenants: readonly TenantReport[];
}

interface Findings {
  readonly files: number;
  readonly chains: readonly ChainCheck[];
  readonly beginnings: ReadonlyMap<string, StartBeginning>;
  readonly compared: VerifyReport['compared'];
  readonly fault: Fault | undefined;
  readonly faults: number;
  readonly notCanonical: number;
  readonly signers: readonly Signer[];
  readonly hasTrust: boolean;
}

export function reportOf({ chains, beginnings, hasTrust, ...findings }: Findings): VerifyReport {
  const byTenant = Map.groupBy(chains, ({ tenantId }) => tenantId);
  const tenants = [...byTenant]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([tenantId, own]) => tenantReport(tenantId, own));
  const unsigned = unprovenChains(chains, beginnings);
  const trusted = unsigned.length === 0 ? 'verified' : 'unproven';
  const verdict = hasTrust ? trusted : 'consistent';
  return {
    verdict: findings.fault === undefined ? verdict : 'fault',
    ...findings,
    unprovenChains: unsigned,
    records: sum(tenants, 'records'),
    checkpoints: sum(tenants, 'checkpoints'),
    repeated: sum(tenants, 'repeated'),
    unproven: sum(tenants, 'unproven'),
    tenants,
  };
}

function tenantReport(tenantId: string, chains: readonly ChainCheck[]): TenantReport {
  return {
    tenantId,
    records: chains.reduce((total, { events }) => total + events, 0),
    checkpoints: chains.reduce((total, { checkpoints }) => total + checkpoints, 0),
    repeated: chains.reduce((total, { repeated }) => total + repeated, 0),
    unproven: chains.reduce((total, { unproven }) => total + unproven, 0),
    chains: chains.map(({ sidecar, start, first, last, proven, unproven }) => ({
      sidecar,
      start,
      first,
      last,
      proven,
      unproven,
    })),
  };
}

function sum(tenants: readonly TenantReport[], figure: 'records' | 'checkpoints' | 'repeated' | 'unproven'): number {
  return tenants.reduce((total, tenant) => total + tenant[figure], 0);
}
