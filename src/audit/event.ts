import type { ErrorReason } from '../core/errors.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';

/** What a record is about; sinks are filtered by it. The order is that of the byte that stands for a kind in the spool: append only. */
export const EVENT_KINDS = [
  'encrypt',
  'decrypt',
  'rewrap',
  'key',
  'configuration',
  'lifecycle',
  'security',
  'checkpoint',
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** How an operation ended: OK, or the reason that its caller was given. */
export type EventOutcome = 'OK' | ErrorReason;

/** Who asked for what, as far as it is known: what records of calls have in common. Empty strings are left out of a record. */
export interface CallFacts {
  /** The authenticated caller (`callers` of the configuration), `anonymous` where there are none. */
  readonly callerId: string;
  readonly requesterId: string;
  readonly requestId: string;
  readonly traceId: string;
  /** As the application states it: the address of its own caller. */
  readonly sourceIp: string;
  readonly dataLabel: string;
  readonly purpose: string;
  readonly objectId: string;
  readonly subjectId: string;
  /** Further facts that the application gives. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** Which key served, as far as the operation came. */
export interface KeyFacts {
  readonly keyId: string;
  /** The KMS's own version; empty where it has none. */
  readonly keyVersion: string;
  readonly provider: string;
  /** Whether the data key was in memory or the KMS was asked for it. */
  readonly from: 'cache' | 'kms';
}

interface Ended {
  readonly outcome: EventOutcome;
  /** Milliseconds, with fractions. */
  readonly durationMs: number;
}

/** One document or object that was encrypted, decrypted or rewrapped, or was to be. */
export interface DataEvent extends Ended {
  readonly kind: 'encrypt' | 'decrypt' | 'rewrap';
  readonly tenantId: TenantId;
  readonly call: CallFacts;
  readonly keys: readonly KeyFacts[];
  /** How many fields, and the bytes of their plaintext. */
  readonly fields: number;
  readonly bytes: number;
  /** The RPC, e.g. `BatchEncrypt`. */
  readonly method: string;
  /** Of an item of a batch: its `id` in the request, else empty. */
  readonly itemId: string;
  /** Streams have two records: when the first byte may leave, and when they end. Everything else has one. */
  readonly phase: 'whole' | 'opened' | 'ended';
}

/** A KMS was asked for a data key, or refused it; or data keys were dropped. */
export interface KeyEvent extends Ended {
  readonly kind: 'key';
  readonly tenantId: TenantId;
  readonly action: 'open' | 'refresh' | 'refuse' | 'drop';
  readonly keyId: KeyConfigurationId;
  readonly keyVersion: string;
  readonly provider: string;
  readonly traceId: string;
  /** Of what a caller asked for by itself (`drop`); else the daemon acted. */
  readonly call?: CallFacts;
}

/** A call that uses no document: a key was probed; or anything of the kind was asked for and refused. */
export interface CallEvent extends Ended {
  /** Which service was called: that of keys, or that of the application's own events. */
  readonly kind: 'key' | 'security';
  readonly tenantId: TenantId;
  readonly call: CallFacts;
  /** The RPC, e.g. `DropKeys`. */
  readonly method: string;
}

/** A tenant's or the daemon's configuration took effect or was refused. */
export interface ConfigurationEvent {
  readonly kind: 'configuration';
  /** Undefined: the daemon's own. */
  readonly tenantId: TenantId | undefined;
  readonly action: 'added' | 'changed' | 'removed' | 'rejected';
  /** SHA-256 of what is in force now, in hex; empty where it was removed or rejected. */
  readonly digest: string;
}

/** The daemon began, was asked to end, or found what a former run left behind. */
export interface LifecycleEvent {
  readonly kind: 'lifecycle';
  readonly action: 'start' | 'drain' | 'recover';
  /** Facts of it: constant names, e.g. `version`, `calls`, `truncatedBytes`. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/** What the application itself reports (`AuditService.LogSecurityEvent`). */
export interface SecurityEvent {
  readonly kind: 'security';
  readonly tenantId: TenantId;
  readonly call: CallFacts;
  /** A name of the table in `security-events.ts`, or `CUSTOM_…`. */
  readonly name: string;
  /** When it happened, as the application says; milliseconds since the epoch. */
  readonly occurredAtMs: number;
  /** Whom it was done to, where it is about a user; else empty. */
  readonly targetUserId: string;
  readonly message: string;
}

export type AuditEvent = DataEvent | KeyEvent | CallEvent | ConfigurationEvent | LifecycleEvent | SecurityEvent;
