import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../telemetry/logger.ts';
import type { CertificateSource, TakeCertificate } from './certificate-source.ts';
import { Problems } from './problems.ts';
import { isValidAt, readServing, type ServingCertificate } from './trust.ts';

const CERTIFICATE = 'tls.crt';
const PRIVATE_KEY = 'tls.key';
const TROUBLE = 'the files of the certificate cannot be taken';

export interface CertificateFilesOptions {
  /** A Secret of type kubernetes.io/tls that is mounted. */
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly logger: Logger;
  readonly onCertificate: TakeCertificate;
}

/** A certificate that somebody else makes and renews. Of files that do not fit together, or are about to be replaced, nothing is taken. */
export class CertificateFiles implements CertificateSource {
  readonly #options: CertificateFilesOptions;
  readonly #problems: Problems;
  #serving: ServingCertificate | undefined;

  constructor(options: CertificateFilesOptions) {
    this.#options = options;
    this.#problems = new Problems(options.logger);
  }

  get isReady(): boolean {
    return this.#serving !== undefined && isValidAt(this.#serving.leaf, this.#options.wallMs());
  }

  async check(): Promise<void> {
    try {
      const next = readServing(await this.#read());
      this.#problems.over(TROUBLE);
      if (this.#serving?.certificate === next.certificate && this.#serving.privateKey === next.privateKey) return;
      this.#serving = next;
      this.#options.onCertificate(next);
    } catch (error) {
      this.#problems.report(TROUBLE, error);
    }
  }

  /** Both of one moment, or of two that do not fit together: then the next look finds them whole. */
  async #read(): Promise<{ certificate: string; privateKey: string }> {
    const { directory } = this.#options;
    const [certificate, privateKey] = await Promise.all(
      [CERTIFICATE, PRIVATE_KEY].map((name) => readFile(join(directory, name), 'utf8')),
    );
    return { certificate: certificate as string, privateKey: privateKey as string };
  }
}
