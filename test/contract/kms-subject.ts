import type { KmsKey, Wrapped } from '../../src/kms/kms.ts';
import type { Behaviour, How } from './behaviours.ts';

/** Two keys of one KMS, and the means to do to them what customers, operators and weather do. */
export interface ContractSubject {
  readonly key: KmsKey;
  /** Another key of the same KMS. */
  readonly otherKey: KmsKey;
  /** A well-formed version of some other key, which the configuration does not accept. */
  readonly unacceptedVersion: string;
  disable(): Promise<void>;
  /** Undoes `disable`. */
  readonly enable?: () => Promise<void>;
  /** From now on new data is wrapped under another version. */
  readonly rotate?: () => Promise<void>;
  readonly scheduleDeletion?: () => Promise<void>;
  /** Ends the key at once and for good. */
  readonly destroy?: () => Promise<void>;
  /** A configuration of a key that does not exist. */
  readonly missing?: () => Promise<KmsKey>;
  /** A key that this caller may not unwrap with, although it is there and enabled. */
  readonly refused?: () => Promise<KmsKey>;
  /** A KMS that has had too many calls. */
  readonly throttled?: () => Promise<KmsKey>;
  /** A configuration of an address where nobody listens. */
  readonly unreachable?: () => Promise<KmsKey>;
  /** A KMS that takes the call and does not answer; `reached` resolves once it has the call. */
  readonly hanging?: () => Promise<{ readonly key: KmsKey; reached(): Promise<void> }>;
  /** A KMS that unwraps this wrap to so many bytes, and generates so many. */
  readonly garbage?: (bytes: number) => Promise<{ readonly key: KmsKey; readonly wrapped: Wrapped }>;
  /** Bytes at the start of a wrap which this KMS does not authenticate, and why. Default none. */
  readonly unauthenticated?: { readonly bytes: number; readonly reason: string };
  /** Why the same wrapped twice may give the same bytes. Default: it must not. */
  readonly deterministic?: string;
  /** Calls the KMS has had. */
  readonly calls?: () => number;
  close(): Promise<void>;
}

export type Capability =
  | 'enable'
  | 'rotate'
  | 'scheduleDeletion'
  | 'destroy'
  | 'missing'
  | 'refused'
  | 'throttled'
  | 'unreachable'
  | 'hanging'
  | 'garbage'
  | 'calls';

export interface ContractSetup {
  /** A subject of its own for every test. */
  open(): Promise<ContractSubject>;
  /** What this KMS cannot show, and why. Printed, so that nobody takes silence for success. */
  readonly notApplicable: Partial<Record<Capability, string>>;
  /** What stands for disabling a key, or for what the KMS answers to it, where the KMS has not the like. Printed. */
  readonly disabling?: string;
  /** What answers in place of a KMS: a model of ours scripts everything. Default `real`. */
  readonly behind?: How;
  /** Where a behaviour is shown otherwise than behaviours are by default. */
  readonly how?: Partial<Record<Behaviour, How>>;
}
