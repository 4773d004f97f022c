import { isDeepStrictEqual } from 'node:util';
import { KeysideError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Tenant } from './tenant.ts';

/** A tenant as configuration states it, before the directory adds what only the process knows. */
export type TenantContent = Omit<Tenant, 'generation' | 'servedFrom'>;

/** What a reload, or one slice of it, changes. A tenant stands in one of the two lists. */
export interface TenantChanges {
  /** Added or changed. */
  readonly changed: readonly TenantContent[];
  readonly removed: readonly TenantId[];
}

/** Told of one tenant that was added (no `previous`), changed (both) or removed (no `next`). */
export type TenantListener = (tenantId: TenantId, previous: Tenant | undefined, next: Tenant | undefined) => void;

/** Counts over all directories of the process, so that no two snapshots ever share a generation. */
let lastGeneration = 0;

/** The tenants that are served: immutable snapshots in memory, replaced one tenant at a time and each as a whole. */
export class TenantDirectory {
  readonly #tenants = new Map<string, Tenant>();
  readonly #listeners = new Set<TenantListener>();
  readonly #servedFrom: string | undefined;

  /** @param servedFrom the region of this daemon; undefined: none */
  constructor(servedFrom?: string) {
    this.#servedFrom = servedFrom;
  }

  get size(): number {
    return this.#tenants.size;
  }

  has(id: TenantId): boolean {
    return this.#tenants.has(id);
  }

  /** @throws {KeysideError} TENANT_UNKNOWN */
  get(id: TenantId): Tenant {
    const tenant = this.#tenants.get(id);
    if (tenant === undefined) {
      throw new KeysideError('TENANT_UNKNOWN', `no tenant ${id} is configured`, { details: { tenantId: id } });
    }
    return tenant;
  }

  /** In the order in which the tenants were first added. */
  [Symbol.iterator](): IterableIterator<Tenant> {
    return this.#tenants.values();
  }

  /**
   * Takes over the changes, then tells the listeners. A tenant whose content is what it was keeps its snapshot and its generation,
   * and nobody is told of it.
   * @throws {AggregateError} what listeners threw, after every change was made and every listener told of each
   */
  apply(changes: TenantChanges): void {
    const replaced: { id: TenantId; previous: Tenant | undefined; next: Tenant | undefined }[] = [];
    for (const id of changes.removed) {
      const previous = this.#tenants.get(id);
      if (this.#tenants.delete(id)) replaced.push({ id, previous, next: undefined });
    }
    for (const content of changes.changed) {
      const previous = this.#tenants.get(content.id);
      if (previous !== undefined && hasContent(previous, content)) continue;
      lastGeneration += 1;
      const next: Tenant = Object.freeze({
        ...sharingParts(content, previous),
        generation: lastGeneration,
        servedFrom: this.#servedFrom,
      });
      this.#tenants.set(next.id, next);
      replaced.push({ id: next.id, previous, next });
    }
    this.#tell(replaced);
  }

  /** Calls the listener after each change, synchronously. Returns how to stop it. */
  onChange(listener: TenantListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(replaced: readonly { id: TenantId; previous: Tenant | undefined; next: Tenant | undefined }[]): void {
    const errors: unknown[] = [];
    for (const { id, previous, next } of replaced) {
      for (const listener of this.#listeners) {
        try {
          listener(id, previous, next);
        } catch (error) {
          errors.push(error);
        }
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'listeners failed on a change of tenants');
  }
}

function hasContent(tenant: Tenant, content: TenantContent): boolean {
  const { generation: _generation, servedFrom: _servedFrom, ...present } = tenant;
  return isDeepStrictEqual(present, { ...content });
}

/**
 * The content with those parts of the previous snapshot that stay equal. A change that touches every tenant arrives as new copies of
 * all they have; kept, those would cost the thread that serves requests long pauses of garbage collection.
 */
function sharingParts(content: TenantContent, previous: Tenant | undefined): TenantContent {
  if (previous === undefined) return content;
  const { keys, defaultPolicy, labelPolicies, auditSinks } = content;
  return {
    ...content,
    keys: keys.map((key) => previous.keys.find((known) => isDeepStrictEqual(known, key)) ?? key),
    defaultPolicy: isDeepStrictEqual(previous.defaultPolicy, defaultPolicy) ? previous.defaultPolicy : defaultPolicy,
    labelPolicies: isDeepStrictEqual(previous.labelPolicies, labelPolicies) ? previous.labelPolicies : labelPolicies,
    auditSinks: isDeepStrictEqual(previous.auditSinks, auditSinks) ? previous.auditSinks : auditSinks,
  };
}
