import { Buffer } from 'node:buffer';
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { TBSCertificate } from '@peculiar/asn1-x509';
import { authorityBody, type CertificateFacts, servingBody, signedCertificate } from './certificate-body.ts';

const CURVE = 'P-256';
const SERIAL_BYTES = 16;
const SERVING_NAME = 'keyside-injector';

/** Clocks that are behind must take a new certificate too; one that is short-lived begins a tenth of its life before now. */
const MAX_SKEW_MS = 5 * 60_000;
const SKEW_SHARE = 0.1;

/** A certificate and its private key, each as PEM. */
export interface PemPair {
  readonly certificate: string;
  /** PKCS#8. */
  readonly privateKey: string;
}

interface Lifetime {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

interface ServingRequest extends Lifetime {
  /** DNS names, at least one. */
  readonly dnsNames: readonly string[];
}

/**
 * Who signs the certificates that a webhook is served with: ECDSA on P-256 with SHA-256. Each authority has a key and a name of its own,
 * so that those that read chains never take one for the other.
 */
export class Authority {
  readonly certificate: X509Certificate;
  readonly #key: KeyObject;

  /** @throws {Error} where the two do not belong together, or the certificate is no authority's */
  constructor(pair: PemPair) {
    this.certificate = new X509Certificate(pair.certificate);
    this.#key = createPrivateKey(pair.privateKey);
    if (!this.certificate.ca) throw new Error('the certificate is not of an authority');
    if (!this.certificate.checkPrivateKey(this.#key)) throw new Error('the private key is not of this certificate');
  }

  /** A new one, good from now on. */
  static make({ nowMs, lifetimeMs }: Lifetime): { readonly authority: Authority; readonly pair: PemPair } {
    const keys = generateKeyPairSync('ec', { namedCurve: CURVE });
    const publicKey = spki(keys.publicKey);
    const serial = newSerial();
    const name = `${SERVING_NAME} authority ${serial.toString('hex').slice(0, 12)}`;
    const facts = { serial, issuer: name, subject: name, issuerKey: publicKey, subjectKey: publicKey };
    const pair = {
      certificate: signed(authorityBody({ ...facts, ...validity({ nowMs, lifetimeMs }) }), keys.privateKey),
      privateKey: pkcs8(keys.privateKey),
    };
    return { authority: new Authority(pair), pair };
  }

  /** A certificate for a server with a key of its own. It never outlives the authority. */
  issue({ dnsNames, nowMs, lifetimeMs }: ServingRequest): PemPair {
    const keys = generateKeyPairSync('ec', { namedCurve: CURVE });
    const { notBeforeMs, notAfterMs } = validity({ nowMs, lifetimeMs });
    const facts: CertificateFacts = {
      serial: newSerial(),
      issuer: commonNameOf(this.certificate),
      subject: SERVING_NAME,
      issuerKey: spki(this.certificate.publicKey),
      subjectKey: spki(keys.publicKey),
      notBeforeMs: Math.max(notBeforeMs, this.certificate.validFromDate.getTime()),
      notAfterMs: Math.min(notAfterMs, this.certificate.validToDate.getTime()),
    };
    return { certificate: signed(servingBody(facts, dnsNames), this.#key), privateKey: pkcs8(keys.privateKey) };
  }
}

function validity({ nowMs, lifetimeMs }: Lifetime): { notBeforeMs: number; notAfterMs: number } {
  return { notBeforeMs: nowMs - Math.min(MAX_SKEW_MS, lifetimeMs * SKEW_SHARE), notAfterMs: nowMs + lifetimeMs };
}

function signed(body: TBSCertificate, key: KeyObject): string {
  return pem(signedCertificate(body, (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'der' })));
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** Positive, and never short: 126 bits of chance. */
function newSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial;
}

function commonNameOf(certificate: X509Certificate): string {
  const [, name] = /^CN=(.+)$/m.exec(certificate.subject) ?? [];
  if (name === undefined) throw new Error('the authority has no common name');
  return name;
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
