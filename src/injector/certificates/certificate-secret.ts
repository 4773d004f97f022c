import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { asMapping } from '../../config/raw-value.ts';
import type { KubernetesObject } from './api-server.ts';
import { Authority } from './authority.ts';
import { isSignedBy, readCertificates, readServing, type ServingCertificate } from './trust.ts';

/** Keys of the Secret's data. All four are there, or none. */
const KEYS = { authorities: 'ca.crt', signerKey: 'ca.key', certificate: 'tls.crt', privateKey: 'tls.key' } as const;

/** What the replicas have in common. */
export interface CertificateState {
  /** Those that are to be trusted, the newest last. At least one; `serving` is of one of them. */
  readonly authorities: readonly X509Certificate[];
  /** The newest of them, which signs what comes next. */
  readonly signer: Authority;
  /** PEM. */
  readonly signerKey: string;
  readonly serving: ServingCertificate;
}

export type SecretContent =
  | { readonly kind: 'empty' }
  | { readonly kind: 'state'; readonly state: CertificateState }
  /** Somebody else's, or not whole: to be left as it is. `why` repeats no values. */
  | { readonly kind: 'unusable'; readonly why: string };

/** What a Secret holds. Never throws. */
export function readSecret(secret: KubernetesObject): SecretContent {
  const data = asMapping(secret.data);
  const names = Object.keys(data);
  if (names.length === 0) return { kind: 'empty' };
  const expected: readonly string[] = Object.values(KEYS);
  const strange = names.filter((name) => !expected.includes(name));
  if (strange.length > 0) return unusable(`it holds what the injector did not write: ${strange.join(', ')}`);
  const missing = expected.filter((name) => typeof data[name] !== 'string');
  if (missing.length > 0) return unusable(`it lacks ${missing.join(', ')}`);
  try {
    return { kind: 'state', state: readState((name) => Buffer.from(String(data[name]), 'base64').toString('utf8')) };
  } catch (error) {
    return unusable(error instanceof Error ? error.message : String(error));
  }
}

/** The Secret with this state in place of what it held. */
export function withState(secret: KubernetesObject, state: CertificateState): KubernetesObject {
  const texts = {
    [KEYS.authorities]: bundleOf(state.authorities),
    [KEYS.signerKey]: state.signerKey,
    [KEYS.certificate]: state.serving.certificate,
    [KEYS.privateKey]: state.serving.privateKey,
  };
  const data = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  return { ...secret, data };
}

/** Certificates as one text in PEM. */
export function bundleOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function readState(text: (name: string) => string): CertificateState {
  const authorities = readCertificates(text(KEYS.authorities));
  const newest = authorities.at(-1);
  if (newest === undefined) throw new Error(`${KEYS.authorities} holds no certificate`);
  const signerKey = text(KEYS.signerKey);
  const signer = new Authority({ certificate: newest.toString(), privateKey: signerKey });
  const serving = readServing({ certificate: text(KEYS.certificate), privateKey: text(KEYS.privateKey) });
  if (!authorities.some((authority) => isSignedBy(serving.leaf, authority))) {
    throw new Error(`${KEYS.certificate} is of none of the authorities in ${KEYS.authorities}`);
  }
  return { authorities, signer, signerKey, serving };
}

function unusable(why: string): SecretContent {
  return { kind: 'unusable', why };
}
