import { ciphertextRejected, type ErrorReason, KeysideError } from '../../core/errors.ts';
import { FINDINGS, RETURN_VALUES, UNKNOWN_VALUE } from './error-table.ts';
import type { Fault, Refusal, Request } from './messages.ts';
import type { ProcessTrouble } from './process-trouble.ts';

type Operation = Request['op'];

interface Verdict {
  readonly reason: ErrorReason;
  readonly says: string;
}

/** A failure that the module's process reported, as the caller will see it. */
export function keysideError(id: string, operation: Operation, fault: Fault): KeysideError {
  const { reason, says } = 'finding' in fault ? FINDINGS[fault.finding] : judge(operation, fault);
  const code = 'finding' in fault ? fault.finding : nameOf(fault.code);
  if (reason === 'CIPHERTEXT_REJECTED') return ciphertextRejected(`PKCS#11 module: ${code}`);
  const named = 'finding' in fault ? '' : ` (${code})`;
  return new KeysideError(reason, `key ${id}: ${says}${named}`, reason === 'KEY_REVOKED' ? { details: { scope: 'key' } } : {});
}

/** Whether the token must be logged in to anew before this is believed. */
export function isLostLogin(fault: Fault): boolean {
  if ('finding' in fault) return fault.finding === 'login-required';
  return RETURN_VALUES.get(fault.code)?.doubt === 'lost-login';
}

/** Whether the PIN itself was refused. */
export function isWrongPin(fault: Fault): boolean {
  return !('finding' in fault) && RETURN_VALUES.get(fault.code)?.isWrongPin === true;
}

/** Whether a module that answers a login so may have to be started anew to find its HSM again. */
export function needsNewProcess(fault: Fault): boolean {
  const { reason } = 'finding' in fault ? FINDINGS[fault.finding] : judge('login', fault);
  return reason === 'KMS_UNAVAILABLE';
}

export function wrongPinError(id: string, pinFile: string): KeysideError {
  const says = `the HSM refused the PIN in ${pinFile}, and the file has not changed since; it is not tried again until then, lest the user be locked out`;
  return new KeysideError('KEY_MISCONFIGURED', `key ${id}: ${says}`);
}

/** A process that is gone or says nothing is weather: the HSM may well be there. */
export function troubleError(id: string, trouble: ProcessTrouble): KeysideError {
  const { kind, ms } = trouble;
  switch (kind) {
    case 'ended':
      return new KeysideError('KMS_UNAVAILABLE', `key ${id}: the process of its PKCS#11 module ended`, { cause: trouble });
    case 'silent': {
      const says = `its PKCS#11 module gave no answer within ${ms} ms; its process was killed and will be started anew`;
      return new KeysideError('KMS_TIMEOUT', `key ${id}: ${says}`, { cause: trouble });
    }
    case 'resting': {
      const says = `the process of its PKCS#11 module failed lately and is started again in ${ms} ms`;
      return new KeysideError('KMS_UNAVAILABLE', `key ${id}: ${says}`, { cause: trouble, retryAfterMs: ms });
    }
  }
}

/** The key's own attribute decides over a refusal, and a fresh wrap over what may be a fault or altered data. */
function judge(operation: Operation, { code, isPermitted, works }: Refusal): Verdict {
  const row = RETURN_VALUES.get(code) ?? UNKNOWN_VALUE;
  if (row.doubt === 'refusal' && isPermitted === false) {
    return { reason: 'KEY_REVOKED', says: 'its HSM says that it may not unwrap (CKA_DECRYPT or CKA_UNWRAP is false)' };
  }
  if (operation === 'open' && row.doubt === 'ambiguous' && works === true) return { reason: 'CIPHERTEXT_REJECTED', says: '' };
  if (operation !== 'open' && row.reason === 'CIPHERTEXT_REJECTED') {
    return {
      reason: 'KEY_MISCONFIGURED',
      says: 'the module does not take the data that is to be wrapped: see preset and mechanisms',
    };
  }
  return row;
}

function nameOf(code: number): string {
  return RETURN_VALUES.get(code)?.name ?? `CKR 0x${code.toString(16)}`;
}
