import { KeysideError } from '../../core/errors.ts';
import type { KeyDescription, KeyState } from '../kms.ts';
import type { AwsKeyFacts } from './aws-kms.ts';

/** AWS's key states; those that are missing pass by themselves. PendingImport: the material is gone until it is imported again. */
const STATES: Readonly<Record<string, KeyState>> = {
  Enabled: 'enabled',
  Disabled: 'disabled',
  PendingImport: 'disabled',
  PendingDeletion: 'pending-deletion',
  PendingReplicaDeletion: 'pending-deletion',
};

/** @throws {KeysideError} KEY_MISCONFIGURED for a key that cannot wrap: asymmetric, HMAC, or for signing */
export function describeFacts(id: string, facts: AwsKeyFacts): KeyDescription {
  const { arn, state, spec, usage, origin } = facts;
  if (spec !== 'SYMMETRIC_DEFAULT' || usage !== 'ENCRYPT_DECRYPT') {
    const is = `${spec ?? 'of unknown spec'} for ${usage ?? 'unknown use'}`;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: it is ${is}, and SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT is needed`);
  }
  return {
    state: STATES[state ?? ''] ?? 'unknown',
    detail: `${arn ?? 'a key'} is ${state ?? 'in no state'}, origin ${origin ?? 'unknown'}`,
  };
}
