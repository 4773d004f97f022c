import { Buffer } from 'node:buffer';
import { MAX_LABEL_BYTES } from '../core/encryption-context.ts';
import { ID_PATTERN } from '../core/ids.ts';
import { ID_WORDS } from '../settings/fields.ts';
import { formatDuration, parseDuration } from '../settings/units.ts';
import type { ConfigurationFault, FaultPath } from './fault.ts';
import { BUILT_IN_CACHE_TTL_MS } from './policy-entries.ts';
import { CONFIGURED_PROVIDERS } from './provider-settings.ts';
import { asList, asMapping } from './raw-value.ts';
import { sinkFaults } from './sink-entries.ts';
import { MAX_LABELS } from './tenants-schema.ts';
import { writeSetFaults } from './write-set-checks.ts';
import type { YamlSource } from './yaml-source.ts';

/** Something that only one place of the deployment may state: a tenant's id, a key's id, the vendor section, its policy. */
export interface Claim {
  readonly kind: 'tenant' | 'key' | 'vendor' | 'policy';
  /** Empty for the two sections. */
  readonly id: string;
  readonly path: FaultPath;
}

interface Findings {
  readonly claims: readonly Claim[];
  readonly faults: readonly ConfigurationFault[];
}

/**
 * The checks that span several entries of a tenants file. They read the file as it stands, not what the schema made of it, so
 * that a fault here is reported together with faults of the schema elsewhere; what is not of its form they pass over.
 */
export function checkTenants(source: YamlSource): Findings {
  return new TenantsChecks(source).run();
}

class TenantsChecks {
  readonly #source: YamlSource;
  readonly #claims: Claim[] = [];
  readonly #faults: ConfigurationFault[] = [];
  readonly #keyIds = new Set<string>();

  constructor(source: YamlSource) {
    this.#source = source;
  }

  run(): Findings {
    const file = asMapping(this.#source.value);
    for (const [id, tenant] of Object.entries(asMapping(file.tenants))) {
      const path = ['tenants', id];
      if (ID_PATTERN.test(id)) this.#claims.push({ kind: 'tenant', id, path });
      else this.#faults.push(this.#source.faultAtKey(path, ID_WORDS));
      this.#keys(asMapping(tenant).keys, [...path, 'keys']);
      this.#faults.push(...writeSetFaults(asMapping(tenant), path, this.#source));
      this.#policy(asMapping(tenant).policy, [...path, 'policy']);
      this.#faults.push(...sinkFaults(asMapping(asMapping(tenant).audit).sinks, [...path, 'audit', 'sinks'], this.#source));
    }
    if (file.vendor !== undefined) {
      this.#claims.push({ kind: 'vendor', id: '', path: ['vendor'] });
      this.#vendorKeys(asMapping(file.vendor).keys, ['vendor', 'keys']);
    }
    if (file.policy !== undefined) {
      this.#claims.push({ kind: 'policy', id: '', path: ['policy'] });
      this.#policy(file.policy, ['policy']);
    }
    return { claims: this.#claims, faults: this.#faults };
  }

  #vendorKeys(keys: unknown, path: FaultPath): void {
    this.#keys(keys, path);
    for (const [at, entry] of asList(keys).entries()) {
      if (asMapping(entry).custody !== 'customer') continue;
      this.#refuse([...path, at, 'custody'], "must be vendor or local: the vendor's key is in no customer's custody");
    }
  }

  #keys(keys: unknown, path: FaultPath): void {
    let primary: number | undefined;
    for (const [at, entry] of asList(keys).entries()) {
      const key = asMapping(entry);
      this.#keyId(key.id, [...path, at, 'id']);
      this.#settings(key, [...path, at]);
      this.#localCustody(key, [...path, at]);
      if (key.state !== 'primary') continue;
      if (primary === undefined) primary = at;
      else this.#refuse([...path, at, 'state'], `makes a second primary key beside keys[${primary}]`);
    }
  }

  /** A software key is held by whoever reads its file. */
  #localCustody(key: Readonly<Record<string, unknown>>, path: FaultPath): void {
    if (key.provider !== 'local' || key.custody === undefined || key.custody === 'local') return;
    this.#refuse([...path, 'custody'], 'must be local: whoever reads the file of a software key holds it');
  }

  #keyId(id: unknown, path: FaultPath): void {
    if (typeof id !== 'string' || !ID_PATTERN.test(id)) return;
    if (this.#keyIds.has(id)) {
      this.#refuse(path, 'is the id of another key in this file');
      return;
    }
    this.#keyIds.add(id);
    this.#claims.push({ kind: 'key', id, path });
  }

  #settings(key: Readonly<Record<string, unknown>>, path: FaultPath): void {
    const provider = CONFIGURED_PROVIDERS.find((name) => name === key.provider);
    if (provider === undefined) return;
    if (key[provider] === undefined) this.#refuse([...path, provider], 'is missing');
    for (const other of CONFIGURED_PROVIDERS) {
      if (other === provider || key[other] === undefined) continue;
      this.#faults.push(this.#source.faultAtKey([...path, other], `does not belong to a key of provider ${provider}`));
    }
  }

  #policy(policy: unknown, path: FaultPath): void {
    const { default: fallback, labels } = asMapping(policy);
    const defaultTtlMs = durationMs(asMapping(asMapping(fallback).cache).ttl) ?? BUILT_IN_CACHE_TTL_MS;
    this.#outageLimit(fallback, [...path, 'default'], defaultTtlMs);
    const declared = Object.entries(asMapping(labels));
    if (declared.length > MAX_LABELS) this.#refuse([...path, 'labels'], `declares more than ${MAX_LABELS} labels`);
    for (const [label, entry] of declared) {
      const labelPath = [...path, 'labels', label];
      if (Buffer.byteLength(label) > MAX_LABEL_BYTES || !label.isWellFormed()) {
        this.#faults.push(this.#source.faultAtKey(labelPath, `must be at most ${MAX_LABEL_BYTES} bytes of UTF-8`));
      }
      this.#outageLimit(entry, labelPath, defaultTtlMs);
    }
  }

  /** A limit that is left out follows the ttl, so only one that is given can be too short. */
  #outageLimit(entry: unknown, path: FaultPath, inheritedTtlMs: number): void {
    const { ttl, outageLimit } = asMapping(asMapping(entry).cache);
    const limitMs = durationMs(outageLimit);
    const ttlMs = durationMs(ttl) ?? inheritedTtlMs;
    if (limitMs === undefined || limitMs >= ttlMs) return;
    this.#refuse([...path, 'cache', 'outageLimit'], `must be at least the ttl of ${formatDuration(ttlMs)}`);
  }

  #refuse(path: FaultPath, message: string): void {
    this.#faults.push(this.#source.faultAt(path, message));
  }
}

function durationMs(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}
