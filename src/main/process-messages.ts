import type { DaemonConfig } from '../config/daemon-config.ts';
import type { KeyConfigurationId, TenantId } from '../core/ids.ts';
import type { Revoked } from '../keys/key-ring.ts';
import type { ListenerKind } from '../rpc/listen.ts';

/** What the supervisor says to a process that serves. */
export type ToProcess =
  | {
      readonly kind: 'start';
      /** Its share of the daemon's. Holds paths of secrets and no secret. */
      readonly config: DaemonConfig;
      /** From 1; a process that replaces another has its number. */
      readonly process: number;
    }
  /** Comes with the socket. */
  | { readonly kind: 'connection'; readonly listener: ListenerKind }
  /** Asks for its metrics in Prometheus's text format. */
  | { readonly kind: 'collect'; readonly id: number }
  /** Has it forget data keys; it answers with how many there were. */
  | { readonly kind: 'drop'; readonly id: number; readonly drop: Drop }
  /** The number of data keys that all others forgot; undefined where one did not confirm it. */
  | { readonly kind: 'dropped'; readonly id: number; readonly count: number | undefined }
  /** Another process learned of a revocation. */
  | { readonly kind: 'revoked'; readonly revoked: Revoked }
  | { readonly kind: 'stop' };

/** Data keys to be forgotten: a tenant's, or those of them that one key configuration opened. */
export interface Drop {
  readonly tenantId: TenantId;
  readonly configurationId: KeyConfigurationId | undefined;
}

/** What a process that serves says to the supervisor. */
export type FromProcess =
  | { readonly kind: 'ready'; readonly facts: ProcessFacts }
  /** It could not start, for the reason in `message`, and ends. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopping' }
  /** The connection that was handed over last is here. */
  | { readonly kind: 'taken' }
  /** One connection has ended. */
  | { readonly kind: 'disconnected' }
  /** To `collect` a text, to `drop` a number; undefined where there is none. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: string | number | undefined }
  /** Asks that all others forget data keys. */
  | { readonly kind: 'drop'; readonly id: number; readonly drop: Drop }
  /** Tells all others. */
  | { readonly kind: 'revoked'; readonly revoked: Revoked };

/** What is known once a process serves, and is the same of all. */
export type ProcessFacts = {
  readonly tenants: number;
  readonly cipher: string;
  readonly cipherInstead: string | undefined;
  /** Whether metrics for Prometheus are on. */
  readonly hasMetrics: boolean;
};
