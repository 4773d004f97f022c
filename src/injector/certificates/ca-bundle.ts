import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { asList, asMapping } from '../../config/raw-value.ts';
import type { ApiServer, KubernetesObject, PatchStep } from './api-server.ts';
import { isSame, readCertificates } from './trust.ts';

export interface BundlePlace {
  /** Name of the MutatingWebhookConfiguration. */
  readonly webhookConfiguration: string;
  /** Service that the webhooks are called by: those of others in the same configuration are not touched. */
  readonly namespace: string;
  readonly service: string;
}

/** What API servers are told to trust, as it was read. */
export interface PublishedBundle {
  /** Those that every webhook of the Service has. */
  readonly authorities: readonly X509Certificate[];
  /** Of the configuration. */
  readonly resourceVersion: unknown;
  readonly webhooks: readonly PublishedWebhook[];
}

interface PublishedWebhook {
  /** Where it stands in the configuration. */
  readonly index: number;
  /** Base64 of PEM; undefined: none. */
  readonly caBundle: string | undefined;
}

/** The `caBundle` of the injector's webhook. */
export class CaBundle {
  readonly #api: ApiServer;
  readonly #place: BundlePlace;

  constructor(api: ApiServer, place: BundlePlace) {
    this.#api = api;
    this.#place = place;
  }

  /** @throws {ApiServerError}; {Error} where the configuration has no webhook of the Service */
  async read(): Promise<PublishedBundle> {
    return this.#published(await this.#api.get(this.#path()));
  }

  /**
   * Makes every webhook of the Service trust what is in `pem`; asks for nothing where it does.
   * @param published as `read` gave it
   * @returns what is published then
   * @throws {ApiServerError} `conflict` where the configuration is no longer as it was read
   */
  async publish(published: PublishedBundle, pem: string): Promise<PublishedBundle> {
    const value = Buffer.from(pem).toString('base64');
    const others = published.webhooks.filter(({ caBundle }) => caBundle !== value);
    if (others.length === 0) return published;
    const steps: PatchStep[] = others.map(({ index }) => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value,
    }));
    const lock: PatchStep = { op: 'replace', path: '/metadata/resourceVersion', value: published.resourceVersion };
    return this.#published(await this.#api.patch(this.#path(), [lock, ...steps]));
  }

  #path(): string {
    return `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${this.#place.webhookConfiguration}`;
  }

  #published(configuration: KubernetesObject): PublishedBundle {
    const { webhookConfiguration, namespace, service } = this.#place;
    const webhooks = [...asList(configuration.webhooks).entries()].flatMap(([index, entry]) => {
      const { clientConfig } = asMapping(entry);
      const { service: called, caBundle } = asMapping(clientConfig);
      const { name, namespace: where } = asMapping(called);
      if (name !== service || where !== namespace) return [];
      return [{ index, caBundle: typeof caBundle === 'string' && caBundle !== '' ? caBundle : undefined }];
    });
    if (webhooks.length === 0) {
      throw new Error(`the webhook configuration ${webhookConfiguration} has no webhook of the service ${namespace}/${service}`);
    }
    const { resourceVersion } = asMapping(configuration.metadata);
    return { authorities: inAll(webhooks.map(({ caBundle }) => authoritiesIn(caBundle))), resourceVersion, webhooks };
  }
}

/** None where it is no bundle: then nothing is trusted. */
function authoritiesIn(caBundle: string | undefined): X509Certificate[] {
  if (caBundle === undefined) return [];
  try {
    return readCertificates(Buffer.from(caBundle, 'base64').toString('utf8'));
  } catch {
    // Whoever wrote it: it is no bundle, and will be written anew.
    return [];
  }
}

function inAll([first = [], ...others]: readonly X509Certificate[][]): X509Certificate[] {
  return first.filter((each) => others.every((other) => other.some((certificate) => isSame(certificate, each))));
}
