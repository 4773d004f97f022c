import type { ErrorReason } from '../../core/errors.ts';

interface Row {
  readonly status: number;
  /** Part of the server's words; empty where the status says it all. */
  readonly part: string;
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  /** Words as the server sends them; where it sends none, what it is documented with. */
  readonly sample: string;
  /** A refusal that may have several causes: the key is read before anything is said. */
  readonly isToConfirm?: true;
}

const NOT_CONFIRMED = 'Vault refuses, and the state of the key could not be confirmed';
const WRONG_KIND = 'the key is not one of a kind that Keyside can use';
const NO_ROLE = 'the auth method of Vault has no such role';
const NOT_CONFIGURED = 'the auth method of Vault is not configured';

/** What HTTP statuses and words mean wherever they come; the first row that fits counts. */
const COMMON: readonly Row[] = [
  {
    status: 307,
    part: '',
    reason: 'KMS_UNAVAILABLE',
    says: 'a standby node of Vault redirects: let standby nodes forward, or name an address that leads to the active one',
    sample: 'Location: https://vault-0.example.com:8200/v1/transit/decrypt/acme (a header; there is no body)',
  },
  {
    status: 405,
    part: '',
    reason: 'KEY_MISCONFIGURED',
    says: 'the mount is not what it should be, or the server is not Vault',
    sample: 'unsupported operation',
  },
  {
    status: 408,
    part: '',
    reason: 'KMS_TIMEOUT',
    says: 'Vault or a proxy before it did not answer in time',
    // A proxy's; Vault itself does not send it.
    sample: "408 Request Time-out. Your browser didn't send a complete request in time.",
  },
  {
    status: 412,
    part: '',
    reason: 'KMS_UNAVAILABLE',
    says: 'the node of Vault has not caught up yet',
    sample: 'required index state not present',
  },
  {
    status: 429,
    part: '',
    reason: 'KMS_THROTTLED',
    says: 'Vault throttles: a rate-limit or lease-count quota is used up',
    sample: 'request path "transit/decrypt/acme": rate limit quota exceeded',
  },
  {
    status: 472,
    part: '',
    reason: 'KMS_UNAVAILABLE',
    says: 'the node of Vault is a disaster-recovery secondary',
    sample: 'disaster recovery mode replication secondary and active (as documented)',
  },
  {
    status: 473,
    part: '',
    reason: 'KMS_UNAVAILABLE',
    says: 'the node of Vault is a performance standby',
    sample: 'performance standby (as documented)',
  },
  {
    status: 503,
    part: 'locked by an administrator',
    reason: 'KEY_REVOKED',
    says: 'an administrator has locked its namespace in Vault',
    sample: 'API access to this namespace has been locked by an administrator - "team/" must be unlocked to gain access.',
  },
  {
    status: 503,
    part: '',
    reason: 'KMS_UNAVAILABLE',
    says: 'Vault, or the namespace, is sealed or not available',
    sample: 'Vault is sealed',
  },
];

/** Calls of Transit. */
export const TRANSIT_ERRORS: readonly Row[] = [
  ...['cipher: message authentication failed', 'chacha20poly1305: message authentication failed'].map(
    (sample): Row => ({ status: 400, part: 'message authentication failed', reason: 'CIPHERTEXT_REJECTED', says: '', sample }),
  ),
  ...['invalid ciphertext: version is too new', 'invalid ciphertext: could not decode base64', 'invalid ciphertext length'].map(
    (sample): Row => ({ status: 400, part: 'invalid ciphertext', reason: 'CIPHERTEXT_REJECTED', says: '', sample }),
  ),
  {
    status: 400,
    part: 'disallowed by policy (too old)',
    reason: 'KEY_ACCESS_DENIED',
    says: NOT_CONFIRMED,
    sample: 'ciphertext or signature version is disallowed by policy (too old)',
    isToConfirm: true,
  },
  {
    status: 400,
    part: 'soft-deleted key',
    reason: 'KEY_ACCESS_DENIED',
    says: NOT_CONFIRMED,
    sample: 'refusing to use soft-deleted key',
    isToConfirm: true,
  },
  {
    status: 400,
    part: 'encryption key not found',
    reason: 'KEY_NOT_FOUND',
    says: 'Transit has no such key',
    sample: 'encryption key not found',
    isToConfirm: true,
  },
  {
    status: 400,
    part: 'provided for non-AEAD',
    reason: 'KEY_MISCONFIGURED',
    says: WRONG_KIND,
    sample: "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048",
  },
  {
    status: 400,
    part: 'not supported for key type',
    reason: 'KEY_MISCONFIGURED',
    says: WRONG_KIND,
    sample: 'message encryption not supported for key type ed25519',
  },
  {
    status: 400,
    part: "missing 'context'",
    reason: 'KEY_MISCONFIGURED',
    says: WRONG_KIND,
    sample: "missing 'context' for key derivation; the key was created using a derived key",
  },
  {
    status: 403,
    part: '',
    reason: 'KEY_ACCESS_DENIED',
    says: NOT_CONFIRMED,
    sample: '1 error occurred: * permission denied',
    isToConfirm: true,
  },
  {
    status: 404,
    part: '',
    reason: 'KEY_NOT_FOUND',
    says: 'Vault knows no such namespace, mount or key',
    sample: 'no handler for route "transit/decrypt/acme". route entry not found.',
  },
  ...COMMON,
];

/** Logins. */
export const LOGIN_ERRORS: readonly Row[] = [
  {
    status: 400,
    part: 'invalid role or secret ID',
    reason: 'KEY_MISCONFIGURED',
    says: "Vault does not accept the daemon's role id and secret id: wrong, expired, used up or revoked",
    sample: 'invalid role or secret ID',
  },
  {
    status: 400,
    part: 'invalid role name',
    reason: 'KEY_MISCONFIGURED',
    says: NO_ROLE,
    sample: 'invalid role name "keyside"',
  },
  {
    status: 400,
    part: 'could not be found',
    reason: 'KEY_MISCONFIGURED',
    says: NO_ROLE,
    sample: 'role "keyside" could not be found',
  },
  {
    status: 400,
    part: 'could not load configuration',
    reason: 'KEY_MISCONFIGURED',
    says: NOT_CONFIGURED,
    sample: 'could not load configuration',
  },
  {
    status: 400,
    part: '',
    reason: 'KEY_MISCONFIGURED',
    says: "Vault does not accept the daemon's service-account token",
    sample: 'error validating token: invalid expiration time (exp) claim: token is expired',
  },
  {
    status: 403,
    part: '',
    reason: 'KEY_ACCESS_DENIED',
    says: 'Vault refuses the login: the role is not for this identity, or there is no such auth mount',
    sample: 'permission denied',
  },
  {
    status: 404,
    part: '',
    reason: 'KEY_MISCONFIGURED',
    says: 'Vault has no such namespace or auth mount',
    sample: 'no handler for route "auth/approle/login". route entry not found.',
  },
  {
    status: 500,
    part: 'not authorized',
    reason: 'KEY_ACCESS_DENIED',
    says: 'Vault refuses the login: the role is not for this service account',
    sample: 'namespace not authorized',
  },
  {
    status: 500,
    part: 'could not load backend configuration',
    reason: 'KEY_MISCONFIGURED',
    says: NOT_CONFIGURED,
    sample: 'could not load backend configuration',
  },
  ...COMMON,
];

/** Codes of TLS that no waiting mends: one of the two is not who it should be, or not what it should speak. */
export const TLS_ERRORS: readonly { readonly code: RegExp; readonly says: string; readonly sample: string }[] = [
  {
    code: /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/,
    says: 'the certificate of Vault is not trusted here: see caFile',
    sample: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    code: /^ERR_SSL_(?:TLSV13|TLSV1|SSLV3|SSL\/TLS)_ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|ACCESS_DENIED)/,
    says: 'Vault demands a client certificate, or does not accept this one: see clientCertificateFile',
    sample: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  },
  {
    code: /^(?:EPROTO|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|.*_ALERT_(?:PROTOCOL_VERSION|HANDSHAKE_FAILURE)))$/,
    says: 'the server does not speak TLS, or no version of it that is spoken here',
    sample: 'EPROTO',
  },
  {
    code: /^ERR_(?:OSSL_|CRYPTO_)/,
    says: 'a file of its TLS settings is not PEM, or certificate and key do not belong together',
    sample: 'ERR_OSSL_PEM_NO_START_LINE',
  },
];
