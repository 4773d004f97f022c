import { KeysideError } from '../../core/errors.ts';
import type { KeyDescription, KeyState } from '../kms.ts';
import type { GcpKeyFacts } from './gcp-kms.ts';

export const ENCRYPT_DECRYPT = 'ENCRYPT_DECRYPT';

interface VersionState {
  readonly state: KeyState;
  /** Whether Google refuses to use such a version, and whose doing that is. */
  readonly isRefused: 'never' | 'by the customer' | 'for now' | 'for good';
}

/** Google's states of a key version (google/cloud/kms/v1/resources.proto). */
export const VERSION_STATES: Readonly<Record<string, VersionState>> = {
  ENABLED: { state: 'enabled', isRefused: 'never' },
  DISABLED: { state: 'disabled', isRefused: 'by the customer' },
  DESTROY_SCHEDULED: { state: 'pending-deletion', isRefused: 'by the customer' },
  DESTROYED: { state: 'destroyed', isRefused: 'by the customer' },
  PENDING_EXTERNAL_DESTRUCTION: { state: 'destroyed', isRefused: 'by the customer' },
  EXTERNAL_DESTRUCTION_FAILED: { state: 'destroyed', isRefused: 'by the customer' },
  PENDING_GENERATION: { state: 'unknown', isRefused: 'for now' },
  PENDING_IMPORT: { state: 'unknown', isRefused: 'for now' },
  GENERATION_FAILED: { state: 'unknown', isRefused: 'for good' },
  IMPORT_FAILED: { state: 'unknown', isRefused: 'for good' },
};

/**
 * A key is in the state of its primary version.
 * @throws {KeysideError} KEY_MISCONFIGURED for a key that cannot wrap: of another purpose, or without a primary version
 */
export function describeFacts(id: string, { purpose, primary }: GcpKeyFacts): KeyDescription {
  if (purpose !== ENCRYPT_DECRYPT) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: its purpose is ${purpose}, and ${ENCRYPT_DECRYPT} is needed`);
  }
  if (primary === undefined) throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: it has no primary version`);
  const { name, state, protectionLevel } = primary;
  return {
    state: VERSION_STATES[state]?.state ?? 'unknown',
    detail: `primary ${name} is ${state}, protection level ${protectionLevel}`,
  };
}
