import type { ServingCertificate } from './trust.ts';

/** Takes over the certificate that is to be served from now on. */
export type TakeCertificate = (serving: ServingCertificate) => void;

/** Where the webhook's certificate comes from. */
export interface CertificateSource {
  /** Whether a certificate was handed over that is good now. */
  readonly isReady: boolean;
  /** Looks after the certificate once, and hands it over where it is another. Not to be called twice at a time. Never throws. */
  check(): Promise<void>;
}
