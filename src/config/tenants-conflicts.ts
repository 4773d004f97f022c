import { type ConfigurationFault, renderPath } from './fault.ts';
import type { Claim } from './tenants-checks.ts';
import type { PlacedClaim, TenantsFile } from './tenants-file.ts';

/** A new version of a file, fit in itself. */
export interface Candidate {
  readonly file: string;
  readonly mtimeMs: number;
  readonly next: TenantsFile;
}

/** Which file holds each claim of the versions that are accepted. */
export class ClaimOwners {
  readonly #files = new Map<string, string>();

  fileOf(claim: Claim): string | undefined {
    return this.#files.get(keyOf(claim));
  }

  release(version: TenantsFile | undefined): void {
    for (const claim of version?.claims ?? []) this.#files.delete(keyOf(claim));
  }

  take(file: string, version: TenantsFile): void {
    for (const claim of version.claims) this.#files.set(keyOf(claim), file);
  }
}

function keyOf(claim: Claim): string {
  return `${claim.kind} ${claim.id}`;
}

interface Proposal {
  readonly candidates: readonly Candidate[];
  /** Files that are gone: their claims are free. */
  readonly removed: ReadonlySet<string>;
  readonly owners: ClaimOwners;
}

interface Verdict {
  readonly accepted: readonly Candidate[];
  /** For every claim of a rejected candidate that another file holds. */
  readonly faults: readonly ConfigurationFault[];
}

/**
 * Accepts the candidates that agree with each other and with the versions that stay. Of two that disagree the older stands, by
 * time of change and then by name; the other is rejected whole, and its previous version, where there is one, stays. So tenants may
 * move between files that change together.
 * Postcondition: with the accepted candidates in place no claim is made twice, provided that none was before.
 */
export function judgeCandidates(proposal: Proposal): Verdict {
  const judge = new Judge(proposal);
  while (judge.rejectsMore());
  return judge.verdict();
}

class Judge {
  readonly #proposal: Proposal;
  readonly #candidates: readonly Candidate[];
  readonly #proposed: Set<string>;
  readonly #faults: ConfigurationFault[] = [];

  constructor(proposal: Proposal) {
    this.#proposal = proposal;
    this.#candidates = proposal.candidates.toSorted((a, b) => a.mtimeMs - b.mtimeMs || (a.file < b.file ? -1 : 1));
    this.#proposed = new Set(proposal.candidates.map(({ file }) => file));
  }

  /** Goes through the candidates once; true where one was rejected, whose previous version may now stand in another's way. */
  rejectsMore(): boolean {
    const before = this.#proposed.size;
    const taken = new Map<string, string>();
    for (const { file, next } of this.#candidates) {
      if (!this.#proposed.has(file)) continue;
      const faults = next.claims.flatMap((claim) => this.#conflict(file, claim, taken));
      if (faults.length > 0) {
        for (const fault of faults) this.#faults.push(fault);
        this.#proposed.delete(file);
      } else {
        for (const claim of next.claims) taken.set(keyOf(claim), file);
      }
    }
    return this.#proposed.size < before;
  }

  verdict(): Verdict {
    return { accepted: this.#candidates.filter(({ file }) => this.#proposed.has(file)), faults: this.#faults };
  }

  #conflict(file: string, claim: PlacedClaim, taken: ReadonlyMap<string, string>): ConfigurationFault[] {
    const { owners, removed } = this.#proposal;
    const owner = owners.fileOf(claim);
    const stays = owner !== undefined && owner !== file && !removed.has(owner) && !this.#proposed.has(owner);
    const holder = taken.get(keyOf(claim)) ?? (stays ? owner : undefined);
    return holder === undefined ? [] : [conflictFault(file, claim, holder)];
  }
}

function conflictFault(file: string, claim: PlacedClaim, holder: string): ConfigurationFault {
  const words = {
    tenant: `is configured in ${holder} too`,
    key: `is the id of a key in ${holder} too`,
    vendor: `stands in ${holder} too, a deployment has it once`,
    policy: `stands in ${holder} too, a deployment has it once`,
  } as const;
  return { file, line: claim.line, column: claim.column, path: renderPath(claim.path), message: words[claim.kind] };
}
