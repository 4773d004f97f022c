import type { ErrorReason } from '../../core/errors.ts';

interface Row {
  readonly reason: ErrorReason;
  /** Said after the key's id. */
  readonly says: string;
  /** Result reasons: their numbers in KMIP, by name, each with a message that it was seen with or that the specification describes. */
  readonly results: Readonly<Record<string, readonly [number: number, sample: string]>>;
  /**
   * Of a Decrypt it says something about the ciphertext: `rejected`, that it is bad; `unclear`, that it may be, or anything else, which
   * is found out by trying a sound one.
   */
  readonly ofDecrypt?: 'rejected' | 'unclear';
}

/**
 * Result reasons and what each means for the key (KMIP specification 1.4, section 9.1.3.2.29; those from 0x19 on are of 2.0, which
 * some servers use in 1.4 too). The key's state is known by itself: it is asked for before the key is used.
 */
const ROWS: readonly Row[] = [
  {
    reason: 'KEY_ACCESS_DENIED',
    says: 'the KMIP server refuses this client',
    results: {
      'Permission Denied': [0x0c, 'Could not locate object: 7'],
      'Illegal Operation': [0x0b, 'The operation is not allowed for the object.'],
      'Usage Limit Exceeded': [0x1a, 'Usage limits of the object are used up.'],
      'Not Authorised': [0x39, 'The client is not authorised for the operation.'],
      'Wrong Key Lifecycle State': [0x43, 'The Protect Stop Date of the key has passed.'],
    },
  },
  {
    reason: 'KEY_REVOKED',
    says: 'its KMIP server says that it is destroyed or archived',
    results: {
      'Object Archived': [0x0d, 'The object is archived and must be recovered first.'],
      'Key Value Not Present': [0x13, 'The key value is not on the server.'],
      'Object Destroyed': [0x36, 'The object has been destroyed.'],
    },
  },
  {
    reason: 'KEY_NOT_FOUND',
    says: 'its KMIP server knows no such key',
    results: {
      'Item Not Found': [0x01, 'Could not locate object: 7'],
      'Object Not Found': [0x37, 'No object with the Unique Identifier exists.'],
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the KMIP server fails in its cryptography',
    ofDecrypt: 'rejected',
    results: {
      'Cryptographic Failure': [0x0a, 'The authentication tag does not match.'],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: "the KMIP server does not accept the daemon's own credentials",
    results: {
      'Authentication Not Successful': [0x03, 'Error verifying the client certificate. See server logs for more information.'],
      'Attestation Required': [0x14, 'The operation demands attestation.'],
      'Attestation Failed': [0x15, 'The attestation failed.'],
      'Bad Password': [0x25, 'The password is wrong.'],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the KMIP server does not do AES-GCM with additional data as KMIP 1.4 has it, or this key does not',
    results: {
      'Invalid Message': [0x04, 'Error parsing request message. See server logs for more information.'],
      'Operation Not Supported': [0x05, 'Encrypt operation is not supported by the server.'],
      'Missing Data': [0x06, 'A required field is missing.'],
      'Feature Not Supported': [0x08, 'The feature is not supported.'],
      'Bad Cryptographic Parameters': [0x24, 'The cryptographic parameters do not suit the key.'],
      'Illegal Object Type': [0x28, 'The operation is not for objects of this type.'],
      'Incompatible Cryptographic Usage Mask': [0x29, 'The usage mask does not allow the operation.'],
      'Invalid Object Type': [0x30, 'The operation is not for objects of this type.'],
      'Missing Initialization Vector': [0x34, 'An IV is required.'],
      'Unknown Tag': [0x3d, 'The request has an unknown tag.'],
      'Unsupported Cryptographic Parameters': [0x3e, 'The cryptographic parameters are not supported.'],
      'Unsupported Protocol Version': [0x3f, 'The protocol version is not supported.'],
    },
  },
  {
    reason: 'KEY_MISCONFIGURED',
    says: 'the KMIP server does not accept the request',
    ofDecrypt: 'unclear',
    results: {
      'Invalid Field': [0x07, "Cipher mode 'GCM' is not a supported mode."],
      'Invalid Data Type': [0x1c, 'A field is of the wrong type.'],
    },
  },
  {
    reason: 'KMS_THROTTLED',
    says: 'the KMIP server has reached a limit of its own',
    results: {
      'Server Limit Exceeded': [0x3a, 'The server is too busy.'],
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the KMIP server reports a fault of its own',
    ofDecrypt: 'unclear',
    results: {
      'General Failure': [0x100, 'Operation failed. See the server logs for more information.'],
      'Internal Server Error': [0x2a, 'An internal error occurred.'],
    },
  },
  {
    reason: 'KMS_UNAVAILABLE',
    says: 'the KMIP server reports a fault of its own',
    results: {
      'Response Too Large': [0x02, 'Response message length too large.'],
      'Operation Canceled By Requester': [0x09, 'The operation was canceled.'],
      'Protection Storage Unavailable': [0x44, 'The storage that protects the key is not available.'],
    },
  },
];

export interface ResultRow extends Omit<Row, 'results'> {
  readonly name: string;
  readonly sample: string;
}

/** By the number of the result reason. */
export const KMIP_RESULTS: ReadonlyMap<number, ResultRow> = new Map(
  ROWS.flatMap(({ results, ...row }) =>
    Object.entries(results).map(([name, [number, sample]]) => [number, { ...row, name, sample }]),
  ),
);

interface ConnectionRow {
  /** What the error's code is like. */
  readonly code: RegExp;
  readonly reason: ErrorReason;
  readonly says: string;
  readonly samples: readonly string[];
}

/** Errors of TLS and network by their code; the first row that fits counts. */
export const CONNECTION_ERRORS: readonly ConnectionRow[] = [
  {
    code: /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/,
    reason: 'KEY_MISCONFIGURED',
    says: "the KMIP server's certificate is not trusted here: see caFile, servername and its validity",
    samples: ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  },
  {
    code: /^ERR_SSL_.*ALERT_(?:CERTIFICATE_REVOKED|ACCESS_DENIED)$/,
    reason: 'KEY_ACCESS_DENIED',
    says: "the KMIP server has revoked the daemon's client certificate",
    samples: ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED', 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED'],
  },
  {
    code: /^ERR_SSL_.*ALERT_(?:.*CERTIFICATE.*|UNKNOWN_CA|HANDSHAKE_FAILURE|DECRYPT_ERROR)$/,
    reason: 'KEY_MISCONFIGURED',
    says: "the KMIP server does not accept the daemon's client certificate",
    samples: [
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
      'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    ],
  },
  {
    code: /^ERR_SSL_(?:.*PROTOCOL.*|WRONG_VERSION_NUMBER|.*ALERT_INSUFFICIENT_SECURITY|PACKET_LENGTH_TOO_LONG|NO_SHARED_CIPHER)/,
    reason: 'KEY_MISCONFIGURED',
    says: 'nothing answers at this port that speaks TLS 1.2 or newer',
    samples: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_UNSUPPORTED_PROTOCOL'],
  },
  {
    code: /^ERR_KMIP_CERTIFICATE$/,
    reason: 'KEY_MISCONFIGURED',
    says: 'caFile, certificateFile or keyFile is not PEM, or the key does not belong to the certificate',
    samples: ['ERR_KMIP_CERTIFICATE'],
  },
  {
    code: /^E(?:NOENT|ACCES|PERM|ISDIR|NOTDIR|LOOP|NAMETOOLONG)$/,
    reason: 'KEY_MISCONFIGURED',
    says: 'one of its files cannot be read',
    samples: ['ENOENT', 'EACCES', 'EISDIR'],
  },
  {
    code: /^(?:E(?!RR_)[A-Z_]+|ERR_(?:SSL|SOCKET|STREAM|TLS)_.+)$/,
    reason: 'KMS_UNAVAILABLE',
    says: 'the KMIP server cannot be reached',
    samples: ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'EPIPE', 'EMFILE'],
  },
];
