import { KeysideError } from '../../core/errors.ts';
import type { KeyDescription, KeyState } from '../kms.ts';
import type { KmipKeyFacts } from './operations.ts';
import { ALGORITHM_AES, OBJECT_TYPE_SYMMETRIC_KEY, STATE_NAMES, USAGE } from './tags.ts';

/** KMIP's states. Pre-Active: it was never activated; nothing is wrapped under it, and KMIP has no other state for a key that rests. */
const STATES: Readonly<Record<string, KeyState>> = {
  'Pre-Active': 'disabled',
  Active: 'enabled',
  Deactivated: 'disabled',
  Compromised: 'disabled',
  Destroyed: 'destroyed',
  'Destroyed Compromised': 'destroyed',
};

/** @throws {KeysideError} KEY_MISCONFIGURED for an object that cannot wrap */
export function describeFacts(id: string, facts: KmipKeyFacts): KeyDescription {
  const name = stateName(facts);
  const state = STATES[name] ?? 'unknown';
  if (state === 'destroyed') return { state, detail: `a key, ${name}` }; // of which attributes may be gone
  checkKind(id, facts);
  checkUsage(id, facts, 'encrypt');
  checkUsage(id, facts, 'decrypt');
  return { state, detail: `AES key of ${facts.length} bits, ${name}` };
}

/**
 * A real KMIP server still decrypts with a key that was deactivated or compromised, so the daemon itself goes by the state.
 * @throws {KeysideError} KEY_REVOKED in every state of KMIP but Active; KEY_ACCESS_DENIED in none of them; KEY_MISCONFIGURED where the
 * server states none, or for an object that cannot wrap
 */
export function assertActive(id: string, facts: KmipKeyFacts): void {
  const name = stateName(facts);
  if (facts.state === undefined) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: its KMIP server does not show the key's State to this client`);
  }
  const state = STATES[name];
  if (state === undefined) throw new KeysideError('KEY_ACCESS_DENIED', `key ${id}: it is ${name}, which KMIP does not know`);
  if (state !== 'enabled') {
    throw new KeysideError('KEY_REVOKED', `key ${id}: it is ${name} in its KMIP server`, { details: { scope: 'key' } });
  }
  checkKind(id, facts);
}

/** @throws {KeysideError} KEY_MISCONFIGURED where the Cryptographic Usage Mask is known and forbids it */
export function checkUsage(id: string, { usageMask }: KmipKeyFacts, usage: keyof typeof USAGE): void {
  if (usageMask === undefined || (usageMask & USAGE[usage]) !== 0) return;
  throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: its Cryptographic Usage Mask lacks ${usage}`);
}

function checkKind(id: string, { objectType, algorithm, length }: KmipKeyFacts): void {
  if (objectType !== undefined && objectType !== OBJECT_TYPE_SYMMETRIC_KEY) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: the object is of type ${objectType}, not a Symmetric Key`);
  }
  if (algorithm !== ALGORITHM_AES || length !== 256) {
    const is = `algorithm ${algorithm ?? 'unknown'} with ${length ?? 'unknown'} bits`;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: it is of ${is}, and AES (3) with 256 bits is needed`);
  }
}

function stateName({ state }: KmipKeyFacts): string {
  return state === undefined ? 'of unknown state' : (STATE_NAMES.get(state) ?? `in state ${state}`);
}
