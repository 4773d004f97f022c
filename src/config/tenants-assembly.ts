import type { TenantId } from '../core/ids.ts';
import type { TenantChanges, TenantContent } from '../tenants/directory.ts';
import type { KeyConfiguration } from '../tenants/tenant.ts';
import { BUILT_IN_POLICY, type ResolvedPolicy } from './policy-entries.ts';
import type { DeploymentSection, TenantDefinition } from './tenants-file.ts';
import type { Replacement } from './tenants-source.ts';

/** How much one slice carries: tenants, their keys, labels and sinks, counted together. Some milliseconds of work for who takes it. */
const SLICE_WEIGHT = 500;

/** Puts the tenants of all files together with what the deployment adds to them, and tells which of them changed. */
export class TenantsAssembly {
  readonly #definitions = new Map<TenantId, TenantDefinition>();
  /** The digest of each tenant as it was last handed out. */
  readonly #handedOut = new Map<TenantId, string>();
  #vendor: DeploymentSection<VendorKeys> | undefined;
  #policy: DeploymentSection<ResolvedPolicy> | undefined;

  get size(): number {
    return this.#definitions.size;
  }

  /**
   * Takes over the replacements and yields, slice by slice, every tenant whose content they change. A change of a section of the
   * deployment goes over all tenants. Each slice must be taken before the next call.
   */
  *replace(replacements: readonly Replacement[]): Generator<TenantChanges, void, void> {
    const touched = new Set<TenantId>();
    const before = this.#sectionsDigest();
    for (const { previous } of replacements) {
      for (const { id } of previous?.tenants ?? []) {
        touched.add(id);
        this.#definitions.delete(id);
      }
      if (previous?.vendorKeys !== undefined) this.#vendor = undefined;
      if (previous?.policy !== undefined) this.#policy = undefined;
    }
    for (const { next } of replacements) {
      for (const definition of next?.tenants ?? []) {
        touched.add(definition.id);
        this.#definitions.set(definition.id, definition);
      }
      if (next?.vendorKeys !== undefined) this.#vendor = vendorKeys(next.vendorKeys);
      if (next?.policy !== undefined) this.#policy = next.policy;
    }
    const isWholeDeployment = before !== this.#sectionsDigest();
    yield* this.#slices(isWholeDeployment ? new Set([...touched, ...this.#definitions.keys()]) : touched);
  }

  *#slices(ids: ReadonlySet<TenantId>): Generator<TenantChanges, void, void> {
    let changed: TenantContent[] = [];
    let removed: TenantId[] = [];
    let weight = 0;
    for (const id of ids) {
      const definition = this.#definitions.get(id);
      if (definition === undefined) {
        if (!this.#handedOut.delete(id)) continue;
        removed.push(id);
        weight += 1;
      } else {
        const digest = this.#digestOf(definition);
        if (this.#handedOut.get(id) === digest) continue;
        this.#handedOut.set(id, digest);
        const content = this.#contentOf(definition);
        changed.push(content);
        weight += 1 + content.keys.length + content.labelPolicies.size + content.auditSinks.length;
      }
      if (weight < SLICE_WEIGHT) continue;
      yield { changed, removed };
      [changed, removed, weight] = [[], [], 0];
    }
    if (weight > 0) yield { changed, removed };
  }

  #contentOf({ id, keys, policy, digest: _, ...rest }: TenantDefinition): TenantContent {
    const vendor = this.#vendor?.content;
    const { defaultPolicy, labelPolicies } = policy ?? this.#policy?.content ?? BUILT_IN_POLICY;
    const allKeys = keys.length === 0 ? (vendor?.asTheyAre ?? keys) : [...keys, ...(vendor?.behindOthers ?? [])];
    return { id, keys: allKeys, defaultPolicy, labelPolicies, ...rest };
  }

  #digestOf({ digest, policy }: TenantDefinition): string {
    return `${digest} ${this.#vendor?.digest ?? ''} ${policy === undefined ? (this.#policy?.digest ?? '') : ''}`;
  }

  #sectionsDigest(): string {
    return `${this.#vendor?.digest ?? ''} ${this.#policy?.digest ?? ''}`;
  }
}

interface VendorKeys {
  /** For tenants without a key of their own. */
  readonly asTheyAre: readonly KeyConfiguration[];
  /** For tenants with keys of their own: their older documents stay readable, nothing new is written. */
  readonly behindOthers: readonly KeyConfiguration[];
}

function vendorKeys({ content, digest }: DeploymentSection<readonly KeyConfiguration[]>): DeploymentSection<VendorKeys> {
  const behindOthers = content.map((key) => (key.state === 'primary' ? { ...key, state: 'active' as const } : key));
  return { content: { asTheyAre: content, behindOthers }, digest };
}
