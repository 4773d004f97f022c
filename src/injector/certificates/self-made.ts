import type { X509Certificate } from 'node:crypto';
import type { Logger } from '../../telemetry/logger.ts';
import { type ApiServer, ApiServerError, type KubernetesObject } from './api-server.ts';
import { type BundlePlace, CaBundle, type PublishedBundle } from './ca-bundle.ts';
import { bundleOf, type CertificateState, readSecret, withState } from './certificate-secret.ts';
import type { CertificateSource, TakeCertificate } from './certificate-source.ts';
import { Problems } from './problems.ts';
import { type RotationRules, rotate } from './rotation.ts';
import { isCovered, isSame, isValidAt, type ServingCertificate } from './trust.ts';

export interface SelfMadeOptions {
  readonly api: ApiServer;
  /** Whether this replica is the one that writes; asked before each write. */
  readonly leader: { readonly isLeading: boolean };
  readonly secret: string;
  /** Of the webhook, and of the Secret: one namespace. */
  readonly place: BundlePlace;
  readonly rules: RotationRules;
  /** How long an API server may take to hear of a new `caBundle`. */
  readonly propagationMs: number;
  /** Milliseconds from an arbitrary start; a step of the wall clock is no time in which API servers hear of anything. */
  readonly monotonicMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly logger: Logger;
  readonly onCertificate: TakeCertificate;
}

const TROUBLE = {
  bundle: 'the webhook configuration cannot be read',
  publishing: 'the authorities cannot be published',
  secret: 'the certificates cannot be kept',
} as const;

/**
 * Certificates of an authority of the injector's own. All replicas read them from one Secret; the leader makes and renews them, and keeps
 * the webhook's `caBundle`. A Secret that is not whole or not the injector's is left as it is, and what was read before is served on.
 */
export class SelfMadeCertificates implements CertificateSource {
  readonly #options: SelfMadeOptions;
  readonly #bundle: CaBundle;
  readonly #problems: Problems;
  #serving: ServingCertificate | undefined;
  #wasTrusted = false;
  #published: PublishedBundle | undefined;
  /** Whether that is of this look. */
  #isSeen = false;
  /** Since when each authority has been seen in the `caBundle` without a break, by its fingerprint. */
  #publishedSince: ReadonlyMap<string, number> = new Map();

  constructor(options: SelfMadeOptions) {
    this.#options = options;
    this.#bundle = new CaBundle(options.api, options.place);
    this.#problems = new Problems(options.logger);
  }

  /** Whether a certificate is served that API servers were told to trust. */
  get isReady(): boolean {
    return this.#wasTrusted && this.#serving !== undefined && isValidAt(this.#serving.leaf, this.#options.wallMs());
  }

  async check(): Promise<void> {
    this.#isSeen = await this.#attempt(TROUBLE.bundle, async () => this.#seePublished(await this.#bundle.read()));
    await this.#attempt(TROUBLE.secret, async () => {
      const state = await this.#keepSecret();
      if (state === undefined) return;
      this.#take(state.serving);
      await this.#attempt(TROUBLE.publishing, () => this.#publish(state));
      // What was published just now may be what it waited for.
      this.#take(state.serving);
    });
    if (this.#serving !== undefined && this.#isTrusted(this.#serving)) this.#wasTrusted = true;
  }

  /** The Secret's state, after what this replica had to change of it. Undefined where there is none yet. */
  async #keepSecret(): Promise<CertificateState | undefined> {
    const secret = await this.#readSecret();
    const content = secret === undefined ? ({ kind: 'empty' } as const) : readSecret(secret);
    if (content.kind === 'unusable') {
      throw new Error(`the secret is left as it is, because ${content.why}; empty its data to have it written anew`);
    }
    const state = content.kind === 'state' ? content.state : undefined;
    const { leader, rules, wallMs, logger } = this.#options;
    if (!leader.isLeading) return state;
    const isPublished = (authority: X509Certificate) => this.#isKnown(authority);
    const next = rotate(state, rules, { nowMs: wallMs(), isPublished });
    if (next === state) return state;
    await this.#writeSecret(secret, next);
    logger.log('info', 'certificates made', tellingOf(state, next));
    return next;
  }

  async #readSecret(): Promise<KubernetesObject | undefined> {
    try {
      return await this.#options.api.get(this.#path());
    } catch (error) {
      if (error instanceof ApiServerError && error.failure === 'missing') return undefined;
      throw error;
    }
  }

  async #writeSecret(secret: KubernetesObject | undefined, state: CertificateState): Promise<void> {
    const { api } = this.#options;
    if (secret === undefined) await api.create(this.#collection(), withState(this.#blank(), state));
    else await api.replace(this.#path(), withState(secret, state));
  }

  async #publish(state: CertificateState): Promise<void> {
    const { leader, logger } = this.#options;
    if (this.#published === undefined || !this.#isSeen || !leader.isLeading) return;
    const published = await this.#bundle.publish(this.#published, bundleOf(state.authorities));
    if (published === this.#published) return;
    logger.log('info', 'authorities published', { authorities: state.authorities.length });
    this.#seePublished(published);
  }

  /** From the first moment that it was seen: what was published before that, and what will be, is nothing to go by. */
  #seePublished(published: PublishedBundle): void {
    const nowMs = this.#options.monotonicMs();
    this.#published = published;
    this.#publishedSince = new Map(
      published.authorities.map(({ fingerprint256 }) => [fingerprint256, this.#publishedSince.get(fingerprint256) ?? nowMs]),
    );
  }

  #isKnown({ fingerprint256 }: X509Certificate): boolean {
    const { monotonicMs, propagationMs } = this.#options;
    const sinceMs = this.#publishedSince.get(fingerprint256);
    return this.#isSeen && sinceMs !== undefined && monotonicMs() - sinceMs >= propagationMs;
  }

  /** Another certificate is served where every API server trusts it, or where the present one is not trusted any more. */
  #take(next: ServingCertificate): void {
    const present = this.#serving;
    if (present !== undefined && (isSame(present.leaf, next.leaf) || (this.#isTrusted(present) && !this.#isKnownTrusted(next))))
      return;
    this.#serving = next;
    this.#options.onCertificate(next);
  }

  #isTrusted({ leaf }: ServingCertificate): boolean {
    return isCovered(leaf, this.#published?.authorities ?? [], this.#options.wallMs());
  }

  #isKnownTrusted({ leaf }: ServingCertificate): boolean {
    const known = (this.#published?.authorities ?? []).filter((authority) => this.#isKnown(authority));
    return isCovered(leaf, known, this.#options.wallMs());
  }

  async #attempt(trouble: string, action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      this.#problems.over(trouble);
      return true;
    } catch (error) {
      // Another replica was faster, or a person: the next look sees what they did.
      const isConflict = error instanceof ApiServerError && error.failure === 'conflict';
      if (!isConflict) this.#problems.report(trouble, error);
      return false;
    }
  }

  #blank(): KubernetesObject {
    const { secret, place } = this.#options;
    return { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { name: secret, namespace: place.namespace } };
  }

  #collection(): string {
    return `/api/v1/namespaces/${this.#options.place.namespace}/secrets`;
  }

  #path(): string {
    return `${this.#collection()}/${this.#options.secret}`;
  }
}

function tellingOf(before: CertificateState | undefined, now: CertificateState) {
  return {
    authority: before?.signer !== now.signer,
    certificate: before?.serving !== now.serving,
    certificateEnds: now.serving.leaf.validToDate.toISOString(),
    authorityEnds: now.signer.certificate.validToDate.toISOString(),
  };
}
