/** Codes of TLS failures that no waiting mends: the other side is not who it should be. */
const UNTRUSTED_CODE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;

/** The same in OpenSSL's and Node's words, which is all that gRPC hands on. */
const UNTRUSTED_TEXT =
  /self[- ]signed certificate|unable to (?:get local issuer|get issuer|verify the first) certificate|certificate has expired|certificate is not yet valid|does not match certificate's altnames/;

export function isUntrusted(code: string): boolean {
  return UNTRUSTED_CODE.test(code);
}

export function tellsOfUntrusted(message: string): boolean {
  return UNTRUSTED_TEXT.test(message);
}

/** The value's fields, inherited ones too; none where it is no object. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
