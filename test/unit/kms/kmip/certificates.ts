import { Buffer } from 'node:buffer';
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** X.509 certificates for mutual TLS in tests (RFC 5280, DER by hand): nothing to install, and nothing that expires in a repository. */

export interface Certificate {
  readonly name: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const OID = {
  commonName: '550403',
  ecdsaWithSha256: '2a8648ce3d040302',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectAltName: '551d11',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
} as const;

interface Subject {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly isExpired?: boolean;
}

/** An authority that issues certificates for P-256 keys, valid from a day ago until tomorrow. */
export class Authority {
  readonly certificatePem: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    this.#name = name;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = pair.privateKey;
    const extensions = [
      extension(OID.basicConstraints, sequence(boolean(true)), true),
      extension(OID.keyUsage, der(0x03, Buffer.of(1, 0x06)), true),
    ];
    this.certificatePem = this.#issue({ name, publicKey: pair.publicKey, extensions });
  }

  /** For a server of these host names and addresses. */
  server(hosts: readonly string[], isExpired = false): Certificate {
    return this.#leaf(hosts[0] ?? '', [usage(OID.serverAuth), subjectAltNames(hosts)], isExpired);
  }

  client(name: string, isExpired = false): Certificate {
    return this.#leaf(name, [usage(OID.clientAuth)], isExpired);
  }

  #leaf(name: string, extensions: readonly Buffer[], isExpired = false): Certificate {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyPem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { name, keyPem, certificatePem: this.#issue({ name, publicKey: pair.publicKey, extensions, isExpired }) };
  }

  #issue({ name, publicKey, extensions, isExpired = false }: Subject): string {
    const algorithm = sequence(oid(OID.ecdsaWithSha256));
    const day = 86_400_000;
    const until = isExpired ? Date.now() - day / 2 : Date.now() + day;
    const content = sequence(
      der(0xa0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(0x01), randomBytes(15)])),
      algorithm,
      distinguishedName(this.#name),
      sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(until))),
      distinguishedName(name),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = sign('sha256', content, createPrivateKey(this.#key.export({ type: 'pkcs8', format: 'pem' })));
    const bytes = sequence(content, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature])));
    const lines = bytes
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n');
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }
}

/** A folder of its own for files of these tests. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'keyside-kmip-'));
}

export async function writeCertificate(folder: string, certificate: Certificate): Promise<CertificateFiles> {
  const [certificateFile, keyFile] = ['crt', 'key'].map((ending) => join(folder, `${certificate.name}.${ending}`)) as [
    string,
    string,
  ];
  await writeFile(certificateFile, certificate.certificatePem);
  await writeFile(keyFile, certificate.keyPem, { mode: 0o600 });
  return { certificateFile, keyFile };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const size = length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff);
  return Buffer.concat([Buffer.of(tag), size, content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function integer(content: Buffer): Buffer {
  return der(0x02, content);
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.of(value ? 0xff : 0));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), der(0x04, value));
}

function usage(id: string): Buffer {
  return extension(OID.extendedKeyUsage, sequence(oid(id)));
}

function subjectAltNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
  );
  return extension(OID.subjectAltName, sequence(...names));
}
