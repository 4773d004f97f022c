import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { Custody, ProviderName } from '../core/providers.ts';

/** `primary` encrypts and decrypts, `active` decrypts, `disabled` is refused before any KMS is asked. */
export type KeyConfigurationState = 'primary' | 'active' | 'disabled';

/** One key of a tenant: which provider, and the settings that the provider's own schema checked. */
export interface KeyConfiguration {
  readonly id: KeyConfigurationId;
  readonly provider: ProviderName;
  readonly state: KeyConfigurationState;
  readonly custody: Custody;
  /** Where the key is, as the deployment names places; undefined: not said. */
  readonly region: string | undefined;
  /** True for the vendor's default key, shared by the tenants that have not brought their own. */
  readonly isVendorDefault: boolean;
  /** Settings of the provider, checked by `kms/<provider>/config.ts`; opaque here. */
  readonly settings: unknown;
  /** Equal for equal provider and settings: an opened key is reused while its fingerprint stays. */
  readonly fingerprint: string;
}

/** How data under one label is protected. All times are upper bounds. */
export interface LabelPolicy {
  /** `lease`: many documents share one data key; `document`: each has its own data key and its own KMS call. */
  readonly protection: 'lease' | 'document';
  readonly leaseTtlMs: number;
  readonly leaseMaxDocuments: number;
  readonly leaseMaxBytes: number;
  /** How long a data key may be used for reading after the KMS last proved it; 0: every read asks the KMS. */
  readonly cacheTtlMs: number;
  /** How long after the last proof reading goes on while the KMS is unreachable, and for nothing else. At least cacheTtlMs. */
  readonly outageLimitMs: number;
  /** Ids of the callers that may use this label; undefined: all. */
  readonly allowedCallers: ReadonlySet<string> | undefined;
  /** Purposes that requests must state one of; undefined: any or none. */
  readonly allowedPurposes: ReadonlySet<string> | undefined;
}

/** Where records of the audit trail go: which kind of sink, and the settings that the kind's own schema checked. Plain data. */
export interface ConfiguredSink {
  /** Unique among the sinks of one tenant, and among those of the deployment. */
  readonly name: string;
  /** e.g. `splunk-hec` */
  readonly kind: string;
  /** The kinds of records that it gets; undefined: all. */
  readonly events: readonly string[] | undefined;
  /** Settings of the kind, checked by `audit/sinks/<kind>/config.ts`; opaque here. Paths are absolute. */
  readonly settings: unknown;
}

/** A tenant as one immutable snapshot: replaced as a whole when its configuration changes. */
export interface Tenant {
  readonly id: TenantId;
  /** Grows with every change of this tenant's configuration in this process; part of every cache key. */
  readonly generation: number;
  /** In the order of the configuration; ids are distinct; at most one is primary. The vendor's default stands last where it serves. */
  readonly keys: readonly KeyConfiguration[];
  readonly defaultPolicy: LabelPolicy;
  /** The labels that policy declares. */
  readonly labelPolicies: ReadonlyMap<string, LabelPolicy>;
  /** The lowest custody under which this tenant's data may be written or read. */
  readonly minimumCustody: Custody;
  /** How many keys must at least be needed to open the tenant's data: 1, or a number of shares. */
  readonly minimumShares: number;
  /**
   * The keys that new data is wrapped under: a list for each share, alternatives within each. Undefined: the primary key alone.
   * Every id is of one of `keys`, distinct, and in at most one list.
   */
  readonly writeSet: readonly (readonly KeyConfigurationId[])[] | undefined;
  /** The region of the daemon that holds this snapshot; undefined: none. */
  readonly servedFrom: string | undefined;
  /** Where keys and daemons that serve the tenant may be; undefined: anywhere. */
  readonly allowedRegions: ReadonlySet<string> | undefined;
  /** Where the tenant's own records go, beside the sinks of the deployment. */
  readonly auditSinks: readonly ConfiguredSink[];
}
