import type { BulkCipher } from '../cipher/bulk-cipher.ts';
import type { Cipher } from '../cipher/cipher.ts';
import type { Clock } from '../core/clock.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { KeyBlock } from '../envelope/key-block.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { KeyDirectory, KmsCallScope } from '../kms/guarded-key.ts';
import type { TenantDirectory } from '../tenants/directory.ts';

/** What the use cases work with; built once, by `main`. */
export interface ServiceParts {
  readonly tenants: TenantDirectory;
  readonly ring: KeyRing;
  readonly keys: KeyDirectory;
  readonly cipher: Cipher;
  /** For large fields, where there are cores for it. */
  readonly bulk?: BulkCipher | undefined;
  /** Tells how long ago a stream's key was proven. */
  readonly clock: Clock;
  /** The daemon's other processes, where it is several. */
  readonly peers?: Peers | undefined;
}

/** The other processes of one daemon: each has data keys of its own. */
export interface Peers {
  /**
   * Has them forget a tenant's data keys, or those that one of its configurations opened. Returns how many there were.
   * @throws {KeysideError} INTERNAL where one does not confirm it
   */
  dropKeys(tenantId: TenantId, configurationId: KeyConfigurationId | undefined): Promise<number>;
}

/** One call as the use cases see it: who asks, what for, and when it ends. */
export interface CallScope extends KmsCallScope {
  readonly callerId: string;
  /** The purpose the request states; empty: none. */
  readonly purpose: string;
  /** @throws {KeysideError} DEADLINE_EXCEEDED or CANCELLED where the call has ended: further work would be for nobody */
  assertLive(): void;
}

export type Fields = ReadonlyMap<string, Uint8Array>;

export interface DocumentRequest {
  readonly tenantId: TenantId;
  readonly fields: Fields;
  /** Empty on encrypting: a new document. */
  readonly edek: Uint8Array;
  readonly context: ReadonlyMap<string, string>;
  /** On encrypting the label; on reading what the caller claims, empty: nothing. */
  readonly dataLabel: string;
}

/** Under which keys a use case worked. */
export interface KeyUse {
  /** All wraps of the key block: of alternatives, also those that were not needed. */
  readonly wraps: KeyBlock['wraps'];
  /** Whether the data key was in memory, or a KMS was asked for it, be it by another request that this one waited with. */
  readonly from: 'cache' | 'kms';
}

export interface EncryptedDocument {
  readonly fields: Map<string, Uint8Array>;
  readonly edek: Uint8Array;
  readonly keyUse: KeyUse;
}

export interface PlaintextDocument {
  readonly fields: Map<string, Uint8Array>;
  readonly keyUse: KeyUse;
}
