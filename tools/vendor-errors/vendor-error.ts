import type { ErrorReason, KeysideError } from '../../src/core/errors.ts';

/** One line of docs/vendor-errors.md: an error as the vendor sends it, to be read by the code that serves. */
export interface VendorError {
  /** Where the error comes from; the lines of one place stand together. */
  readonly place: string;
  /** What tells it from others: name, status, code and the part of its words that counts. */
  readonly toldBy: string;
  /** The vendor's words, or the facts in which there are none. */
  readonly sample: string;
  /** What the provider's table says of it; of an error without a row there, what is expected. */
  readonly reason: ErrorReason;
  /** The table's words; undefined where the error has no row there. */
  readonly says?: string;
  /** How Keyside names it behind its words, which shows that it was this row that counted; undefined where it has no name. */
  readonly code?: string;
  /** Hands the sample to the provider's own `errors.ts`. */
  readonly read: () => VendorVerdict;
}

export interface VendorVerdict {
  readonly error: KeysideError;
  /** Another reason that counts in its place, and when. */
  readonly unless?: { readonly reason: ErrorReason; readonly when: string } | undefined;
}

/** The key configuration that stands in all messages. */
export const KEY_CONFIGURATION = 'acme-main';

export const CONFIRMED = "the key's state confirms it";

/** An error as Node and the SDKs throw it: one with fields. */
export function thrown(message: string, fields: Readonly<Record<string, unknown>>): Error {
  return Object.assign(new Error(message), fields);
}

/** An error of Node's, which names the system call that its words begin or end with. */
export function systemError(code: string, words: string): Error {
  const syscall = /^(connect|read|write|getaddrinfo) |, (open|read)\b/.exec(words);
  return thrown(words, { code, syscall: syscall?.[1] ?? syscall?.[2] });
}

/** The network's failures, which all providers meet. */
export const NETWORK_SAMPLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect ECONNREFUSED 192.0.2.7:443',
  ECONNRESET: 'read ECONNRESET',
  ENOTFOUND: 'getaddrinfo ENOTFOUND kms.example.com',
  EAI_AGAIN: 'getaddrinfo EAI_AGAIN kms.example.com',
};

/** The words of Node and OpenSSL that come with a code. */
export const SYSTEM_SAMPLES: Readonly<Record<string, string>> = {
  ...NETWORK_SAMPLES,
  ETIMEDOUT: 'connect ETIMEDOUT 192.0.2.7:443',
  EHOSTUNREACH: 'connect EHOSTUNREACH 192.0.2.7:443',
  EPIPE: 'write EPIPE',
  EMFILE: 'connect EMFILE 192.0.2.7:443 - Local (undefined:undefined)',
  ENOENT: "ENOENT: no such file or directory, open '/etc/keyside/ca.pem'",
  EACCES: "EACCES: permission denied, open '/etc/keyside/client-key.pem'",
  EISDIR: 'EISDIR: illegal operation on a directory, read',
  EPROTO: 'write EPROTO …:error:0A00010B:SSL routines:ssl3_get_record:wrong version number',
  CERT_HAS_EXPIRED: 'certificate has expired',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Hostname/IP does not match certificate's altnames: Host: kms.example.com. is not in the cert's altnames: DNS:other.example.com",
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': 'ssl/tls alert bad certificate',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED': 'ssl/tls alert certificate expired',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED': 'ssl/tls alert certificate revoked',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': 'ssl/tls alert handshake failure',
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: 'tlsv1 alert access denied',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'tlsv1 alert protocol version',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'tlsv1 alert unknown ca',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'tlsv13 alert certificate required',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'unsupported protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'wrong version number',
  ERR_OSSL_PEM_NO_START_LINE: 'error:0480006C:PEM routines::no start line',
  ERR_KMIP_CERTIFICATE: 'error:0480006C:PEM routines::no start line',
};
