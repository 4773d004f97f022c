import { ReturnValue } from './cryptoki.ts';
import type { Doubt } from './error-table.ts';
import { type FindingName, RETURN_VALUES, UNKNOWN_VALUE } from './error-table.ts';
import type { Fault } from './messages.ts';

/** What goes back to the daemon where a request failed: never a text of the module's. */
export class FoundFault extends Error {
  override readonly name = 'FoundFault';
  readonly fault: Fault;

  constructor(fault: Fault, cause?: unknown) {
    super('finding' in fault ? fault.finding : `CKR 0x${fault.code.toString(16)}`, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

export function foundFault(finding: FindingName, cause?: unknown): FoundFault {
  return new FoundFault({ finding }, cause);
}

/** Whatever was thrown, as a fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof FoundFault) return error.fault;
  if (error instanceof ReturnValue) return { code: error.code };
  return { finding: 'fault' };
}

/** What is to be found out before this error is believed. */
export function doubtOf(error: unknown): Doubt | undefined {
  if (!(error instanceof ReturnValue)) return undefined;
  return (RETURN_VALUES.get(error.code) ?? UNKNOWN_VALUE).doubt;
}

/** Whether a module said of a wrap that it is not one, or what modules say instead. */
export function isRejection(error: unknown): boolean {
  if (!(error instanceof ReturnValue)) return false;
  const { reason, doubt } = RETURN_VALUES.get(error.code) ?? UNKNOWN_VALUE;
  return reason === 'CIPHERTEXT_REJECTED' || doubt === 'ambiguous';
}
