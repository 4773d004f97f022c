import type { X509Certificate } from 'node:crypto';
import { Authority } from './authority.ts';
import type { CertificateState } from './certificate-secret.ts';
import { isCovered, isDue, isSignedBy, isValidAt, readServing, type ServingCertificate } from './trust.ts';

export interface RotationRules {
  /** What the webhook is called by. */
  readonly dnsNames: readonly string[];
  readonly authorityLifetimeMs: number;
  readonly certificateLifetimeMs: number;
}

export interface RotationMoment {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Whether every API server has had the time to hear of this authority. */
  readonly isPublished: (authority: X509Certificate) => boolean;
}

/**
 * What the replicas shall have in common from now on; the same object where nothing is to change.
 *
 * An authority is followed by the next one when two thirds of its life have passed. The next one is published at once and signs nothing
 * until it is known everywhere; the one before stays published until it ends, and with it the last certificate that it signed. So a
 * replica that hears of a change late is trusted all the same, and so is one that hears of it early. Only where there is no certificate
 * that anybody could trust is one signed at once.
 *
 * An authority that is not good yet, which a clock that was ahead has made, is followed by the next one at once. Each authority begins
 * some time before it is made, so that clocks that differ by less are not taken for such. What is made is good at this moment: a second
 * look at it changes nothing, whatever the clock says.
 */
export function rotate(state: CertificateState | undefined, rules: RotationRules, moment: RotationMoment): CertificateState {
  const signing = state === undefined ? newSigner(rules, moment.nowMs) : signerNow(state, rules, moment.nowMs);
  const serving = servingNow(state, signing.signer, { ...rules, ...moment });
  if (signing.signer === state?.signer && serving === state.serving && signing.authorities.length === state.authorities.length) {
    return state;
  }
  return { ...signing, serving };
}

type Signing = Pick<CertificateState, 'authorities' | 'signer' | 'signerKey'>;

function signerNow(state: CertificateState, rules: RotationRules, nowMs: number): Signing {
  const { signer, serving } = state;
  const authorities = state.authorities.filter((authority) => isGoodAfter(authority, nowMs));
  if (isValidAt(signer.certificate, nowMs) && !isDue(signer.certificate, nowMs)) return { ...state, authorities };
  const next = newSigner(rules, nowMs);
  // Of those that are not good yet stays the one that replicas are served by: it may be this clock that is wrong. So they stay few.
  const kept = authorities.filter((authority) => isValidAt(authority, nowMs) || isSignedBy(serving.leaf, authority));
  return { ...next, authorities: [...kept, ...next.authorities] };
}

function isGoodAfter(certificate: X509Certificate, nowMs: number): boolean {
  return nowMs < certificate.validToDate.getTime();
}

function newSigner({ authorityLifetimeMs }: RotationRules, nowMs: number): Signing {
  const { authority, pair } = Authority.make({ nowMs, lifetimeMs: authorityLifetimeMs });
  return { authorities: [authority.certificate], signer: authority, signerKey: pair.privateKey };
}

function servingNow(
  state: CertificateState | undefined,
  signer: Authority,
  { nowMs, isPublished, dnsNames, certificateLifetimeMs }: RotationRules & RotationMoment,
): ServingCertificate {
  // The signer is good at this moment: it was chosen so.
  const issue = () => readServing(signer.issue({ dnsNames, nowMs, lifetimeMs: certificateLifetimeMs }));
  if (state === undefined) return issue();
  const { serving, authorities } = state;
  if (!isFor(serving.leaf, dnsNames) || !isCovered(serving.leaf, authorities, nowMs)) return issue();
  const isOfSigner = isSignedBy(serving.leaf, signer.certificate);
  const isWanted = !isOfSigner || isDue(serving.leaf, nowMs);
  return isWanted && isPublished(signer.certificate) ? issue() : serving;
}

function isFor({ subjectAltName }: X509Certificate, dnsNames: readonly string[]): boolean {
  return subjectAltName === dnsNames.map((name) => `DNS:${name}`).join(', ');
}
