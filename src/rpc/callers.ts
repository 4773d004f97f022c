import { hash } from 'node:crypto';
import { KeysideError } from '../core/errors.ts';

/** What a caller may be allowed to do; `rewrap-target` is choosing another key than the primary one. */
export type Operation =
  | 'encrypt'
  | 'decrypt'
  | 'rewrap'
  | 'rewrap-target'
  | 'check-key'
  | 'list-keys'
  | 'drop-keys'
  | 'log-event'
  | 'health';

/** Who calls: an application's container, known by its bearer token. */
export interface Caller {
  readonly id: string;
  readonly tenants: ReadonlySet<string> | 'all';
  readonly operations: ReadonlySet<string> | 'all';
}

/** With no callers configured, whoever reaches the socket is this one. */
export const ANONYMOUS: Caller = { id: 'anonymous', tenants: 'all', operations: 'all' };

const BEARER = /^Bearer +([^ ].*)$/i;

export class Callers {
  readonly #isOpen: boolean;
  /** By the SHA-256 of the token: looking one up takes no time that depends on how much of a token was right. */
  #byDigest = new Map<string, Caller>();

  /** @param isOpen true where no callers are configured */
  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  /**
   * Replaces all tokens at once.
   * @throws {Error} where two callers have the same token: whose rights it had would be chance
   */
  setTokens(tokens: readonly { readonly digest: string; readonly caller: Caller }[]): void {
    const byDigest = new Map<string, Caller>();
    for (const { digest, caller } of tokens) {
      const other = byDigest.get(digest);
      if (other !== undefined) throw new Error(`callers ${other.id} and ${caller.id} have the same token`);
      byDigest.set(digest, caller);
    }
    this.#byDigest = byDigest;
  }

  /** @throws {KeysideError} CALLER_UNAUTHENTICATED */
  authenticate(authorization: string | undefined): Caller {
    if (this.#isOpen) return ANONYMOUS;
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined) throw new KeysideError('CALLER_UNAUTHENTICATED', 'a bearer token is required');
    const caller = this.#byDigest.get(digestOfToken(token));
    if (caller === undefined) throw new KeysideError('CALLER_UNAUTHENTICATED', 'the bearer token is not known');
    return caller;
  }
}

/** What is kept of a token. */
export function digestOfToken(token: string): string {
  return hash('sha256', token);
}

/** @throws {KeysideError} CALLER_NOT_ALLOWED, whether or not there is such a tenant */
export function assertAllowed(caller: Caller, operation: Operation, tenantId: string): void {
  const mayTenant = caller.tenants === 'all' || caller.tenants.has(tenantId);
  // Whoever may ask anything about a tenant may know how its key does.
  const mayOperation = caller.operations === 'all' || operation === 'health' || caller.operations.has(operation);
  if (mayTenant && mayOperation) return;
  throw new KeysideError('CALLER_NOT_ALLOWED', `caller ${caller.id} may not ${operation} for tenant ${tenantId}`, {
    details: { callerId: caller.id, tenantId, operation },
  });
}
