import type { KeyDescription } from '../kms.ts';
import type { KeyFacts, KeySelector, Method } from './messages.ts';

const MECHANISMS = {
  'aes-gcm': 'AES-GCM',
  'aes-kwp': 'AES key wrap with padding',
  'rsa-oaep': 'RSA-OAEP',
} as const satisfies Record<Method['name'], string>;

/** An HSM knows no disabled keys: one that may not unwrap stands for it. */
export function describeFacts(key: KeySelector, method: Method, facts: KeyFacts): KeyDescription {
  const { mayOpen, maySeal, canLeave, tokenLabel } = facts;
  const names = [key.label === undefined ? '' : ` "${key.label}"`, key.id === undefined ? '' : ` with id ${key.id}`].join('');
  const rights = mayOpen ? (maySeal ? 'may wrap and unwrap' : 'may unwrap and not wrap') : 'may not unwrap';
  const detail = `${key.keyClass === 'rsa' ? 'RSA' : 'secret'} key${names} on token "${tokenLabel}", ${rights} (${MECHANISMS[method.name]})${canLeave ? '; its value can be taken out of the HSM (CKA_EXTRACTABLE)' : ''}`;
  return { state: mayOpen ? 'enabled' : 'disabled', detail };
}
