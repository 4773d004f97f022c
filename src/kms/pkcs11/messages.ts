import type { FindingName } from './error-table.ts';
import type { IvPolicy, KwpCall } from './presets.ts';

/** What the daemon and the process that holds a module say to each other. Secrets are not in here: they travel as a frame's body. */

export interface TokenSelector {
  readonly label?: string | undefined;
  readonly serial?: string | undefined;
  readonly slot?: number | undefined;
}

export interface KeySelector {
  readonly keyClass: 'secret' | 'rsa';
  /** Hex. */
  readonly id?: string | undefined;
  readonly label?: string | undefined;
}

/** How bytes are sealed under a key. */
export type Method =
  | { readonly name: 'aes-gcm'; readonly mechanism: number; readonly ivPolicy: IvPolicy }
  | { readonly name: 'aes-kwp'; readonly mechanism: number; readonly call: KwpCall }
  | { readonly name: 'rsa-oaep'; readonly mechanism: number; readonly hash: 'sha256' | 'sha1' };

export interface LoadRequest {
  readonly op: 'load';
  readonly module: string;
  readonly initString?: string | undefined;
}

/** Body: the PIN, UTF-8. */
export interface LoginRequest {
  readonly op: 'login';
  /** What the token is called in later requests. */
  readonly token: string;
  readonly selector: TokenSelector;
  /** Whose PIN it is: a path. Two of them never share a token. */
  readonly access: string;
}

/** Body: what is to be sealed or opened; empty for describe. The reply's body is the result. */
export interface KeyRequest {
  readonly op: 'seal' | 'open' | 'describe';
  readonly token: string;
  readonly key: KeySelector;
  readonly method: Method;
  /** Base64; bound where the method is aes-gcm. */
  readonly aad?: string | undefined;
}

export type Request = LoadRequest | LoginRequest | KeyRequest;

/** A return value of the module and what was found out about it. */
export interface Refusal {
  readonly code: number;
  /** The key's attribute, read afterwards, allows the use. */
  readonly isPermitted?: boolean | undefined;
  /** A fresh wrap could be made and opened a moment later. */
  readonly works?: boolean | undefined;
}

export type Fault = Refusal | { readonly finding: FindingName };

/** How a key looks in its HSM. */
export interface KeyFacts {
  readonly mayOpen: boolean;
  readonly maySeal: boolean;
  /** Its value can be taken out of the HSM. */
  readonly canLeave: boolean;
  /** For people. */
  readonly tokenLabel: string;
}

export type Reply = { readonly ok: true; readonly facts?: KeyFacts } | { readonly ok: false; readonly fault: Fault };
