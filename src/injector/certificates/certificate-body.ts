import { createHash } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';

/** As long as the identifiers that SHA-1 used to give: RFC 7093, section 2, method 1. */
const KEY_IDENTIFIER_BYTES = 20;

/** What all certificates say. */
export interface CertificateFacts {
  /** 1 to 20 bytes, the highest first; its top bit clear. */
  readonly serial: Uint8Array;
  /** Common names, at most 64 characters. */
  readonly issuer: string;
  readonly subject: string;
  /** SubjectPublicKeyInfo in DER: keys on P-256. */
  readonly issuerKey: Uint8Array;
  readonly subjectKey: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What an authority signs of itself: it may sign certificates of servers and nothing else, no further authorities either. */
export function authorityBody(facts: CertificateFacts): TBSCertificate {
  return body(facts, [
    critical(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    critical(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign)),
  ]);
}

/** What an authority signs of a server with these names. */
export function servingBody(facts: CertificateFacts, dnsNames: readonly string[]): TBSCertificate {
  const names = dnsNames.map((dNSName) => new GeneralName({ dNSName }));
  return body(facts, [
    critical(id_ce_basicConstraints, new BasicConstraints()),
    critical(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature)),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectAltName, new SubjectAlternativeName(names)),
  ]);
}

/** The certificate in DER. @param sign ECDSA with SHA-256 over the bytes it is given, in DER */
export function signedCertificate(tbsCertificate: TBSCertificate, sign: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const signature = sign(new Uint8Array(AsnConvert.serialize(tbsCertificate)));
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: algorithm(), signatureValue: plain(signature) });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

/** TBSCertificate of RFC 5280, 4.1. */
function body(facts: CertificateFacts, extensions: readonly Extension[]): TBSCertificate {
  const subjectKey = AsnConvert.parse(facts.subjectKey, SubjectPublicKeyInfo);
  const issuerKey = AsnConvert.parse(facts.issuerKey, SubjectPublicKeyInfo);
  return new TBSCertificate({
    version: Version.v3,
    serialNumber: plain(facts.serial),
    signature: algorithm(),
    issuer: commonName(facts.issuer),
    validity: new Validity({ notBefore: new Date(facts.notBeforeMs), notAfter: new Date(facts.notAfterMs) }),
    subject: commonName(facts.subject),
    subjectPublicKeyInfo: subjectKey,
    extensions: new Extensions([
      ...extensions,
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(subjectKey))),
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyIdentifier(issuerKey)) }),
      ),
    ]),
  });
}

function algorithm(): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
}

function commonName(utf8String: string): Name {
  const value = new AttributeValue({ utf8String });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extension(extnID: string, value: object, isCritical = false): Extension {
  return new Extension({ extnID, critical: isCritical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function critical(extnID: string, value: object): Extension {
  return extension(extnID, value, true);
}

function keyIdentifier({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer {
  return plain(createHash('sha256').update(new Uint8Array(subjectPublicKey)).digest().subarray(0, KEY_IDENTIFIER_BYTES));
}

/** A copy in memory of its own: buffers of Node are parts of larger ones. */
function plain(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
