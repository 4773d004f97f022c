import { KeysideError } from '../../core/errors.ts';
import type { KeyDescription } from '../kms.ts';
import type { AzureDeletion, AzureKeyFacts } from './azure-kms.ts';
import { KEY_VERSION } from './key-identifier.ts';

const RSA = new Set(['RSA', 'RSA-HSM']);
const NEEDED = ['wrapKey', 'unwrapKey'];

/** @throws {KeysideError} KEY_MISCONFIGURED for a key that cannot wrap: not RSA, or not permitted to wrap and unwrap */
export function checkFacts(id: string, { keyType, operations, version }: AzureKeyFacts): void {
  if (!RSA.has(keyType ?? '')) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: it is of type ${keyType ?? 'unknown'}, and RSA or RSA-HSM is needed`);
  }
  const lacking = NEEDED.filter((operation) => operations !== undefined && !operations.includes(operation));
  if (lacking.length > 0) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: its permitted operations (key_ops) lack ${lacking.join(' and ')}`);
  }
  if (!KEY_VERSION.test(version)) {
    throw new KeysideError('KMS_UNAVAILABLE', `key ${id}: the vault names a key version that is not 32 hex digits`);
  }
}

export function describeFacts(facts: AzureKeyFacts): KeyDescription {
  const { version, isEnabled, keyType, notBefore, expiresOn, recoveryLevel } = facts;
  const parts = [
    `version ${version} is ${isEnabled ? 'enabled' : 'disabled'}, ${keyType ?? 'of unknown type'}`,
    ...(notBefore === undefined ? [] : [`valid from ${notBefore.toISOString()}`]),
    ...(expiresOn === undefined ? [] : [`wraps until ${expiresOn.toISOString()}`]),
    `recovery level ${recoveryLevel ?? 'unknown'}`,
  ];
  return { state: isEnabled ? 'enabled' : 'disabled', detail: parts.join(', ') };
}

export function describeDeletion({ deletedOn, purgedOn }: AzureDeletion): KeyDescription {
  const dates = `deleted ${deletedOn?.toISOString() ?? 'at an unknown time'}, to be purged ${purgedOn?.toISOString() ?? 'at an unknown time'}`;
  return { state: 'pending-deletion', detail: `the key is ${dates}; until then it can be recovered` };
}
