import type { KeysideError } from './errors.ts';
import type { Duration } from './gen/google/protobuf/duration.ts';
import { type CheckKeyResponse, type KeyConfiguration, KeyConfigurationState } from './gen/keyside/v1/key.ts';
import { fromStatus } from './status.ts';

/** One of a tenant's key configurations. */
export interface Key {
  readonly keyId: string;
  /** The kind of KMS: `local`, `aws`, … */
  readonly provider: string;
  /** `primary` encrypts and decrypts, `active` decrypts, `disabled` is refused by the daemon. */
  readonly state: 'primary' | 'active' | 'disabled' | 'unknown';
  /** Who holds the key: `customer`, `vendor` or `local`. */
  readonly custody: string;
  readonly isVendorDefault: boolean;
}

/** What a probe found. */
export interface KeyCheck {
  readonly key: Key | undefined;
  readonly isUsable: boolean;
  /** As the KMS states it: `enabled`, `disabled`, `pending-deletion`, `destroyed` or `unknown`. */
  readonly kmsState: string;
  /** Empty where the provider shows none. */
  readonly keyVersion: string;
  /** In milliseconds; undefined where it did not happen. */
  readonly wrapMs: number | undefined;
  readonly unwrapMs: number | undefined;
  /** Why the key is not usable. */
  readonly error: KeysideError | undefined;
}

const STATES = new Map<number, Key['state']>([
  [KeyConfigurationState.KEY_CONFIGURATION_STATE_PRIMARY, 'primary'],
  [KeyConfigurationState.KEY_CONFIGURATION_STATE_ACTIVE, 'active'],
  [KeyConfigurationState.KEY_CONFIGURATION_STATE_DISABLED, 'disabled'],
]);

export function toKey({ keyId, provider, state, custody, vendorDefault }: KeyConfiguration): Key {
  return { keyId, provider, state: STATES.get(state) ?? 'unknown', custody, isVendorDefault: vendorDefault };
}

export function checkedKey(answer: CheckKeyResponse): KeyCheck {
  return {
    key: answer.key && toKey(answer.key),
    isUsable: answer.usable,
    kmsState: answer.kmsState,
    keyVersion: answer.keyVersion,
    wrapMs: toMs(answer.wrapLatency),
    unwrapMs: toMs(answer.unwrapLatency),
    error: answer.error && fromStatus(answer.error),
  };
}

function toMs(duration: Duration | undefined): number | undefined {
  return duration && duration.seconds * 1_000 + duration.nanos / 1_000_000;
}
