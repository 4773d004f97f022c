import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsCredentials } from '../webhook-server.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** What is left of a certificate's life when the next one is made. */
const RENEWAL_SHARE = 1 / 3;

/** What a server proves itself by, checked: the certificate can be read, and the key is its own. */
export interface ServingCertificate extends TlsCredentials {
  /** The server's own, the first of `certificate`. */
  readonly leaf: X509Certificate;
}

/** @throws {Error} in words, which repeat nothing of either */
export function readServing({ certificate, privateKey }: TlsCredentials): ServingCertificate {
  const [leaf] = readCertificates(certificate);
  if (leaf === undefined) throw new Error('there is no certificate');
  try {
    createSecureContext({ cert: certificate, key: privateKey });
  } catch (cause) {
    throw new Error('the private key is none, or not of the certificate', { cause });
  }
  return { certificate, privateKey, leaf };
}

/** All certificates of a text, in their order. @throws {Error} where one of them is none */
export function readCertificates(pem: string): X509Certificate[] {
  return [...pem.matchAll(PEM_CERTIFICATE)].map(([text]) => new X509Certificate(text));
}

export function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return certificate.validFromDate.getTime() <= nowMs && nowMs < certificate.validToDate.getTime();
}

/** Whether two thirds of its life have passed. */
export function isDue(certificate: X509Certificate, nowMs: number): boolean {
  const endMs = certificate.validToDate.getTime();
  return nowMs >= endMs - (endMs - certificate.validFromDate.getTime()) * RENEWAL_SHARE;
}

/** Whether one that trusts these authorities takes the server's certificate now. */
export function isCovered(leaf: X509Certificate, authorities: readonly X509Certificate[], nowMs: number): boolean {
  return isValidAt(leaf, nowMs) && authorities.some((authority) => isValidAt(authority, nowMs) && isSignedBy(leaf, authority));
}

export function isSignedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

export function isSame(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256;
}
