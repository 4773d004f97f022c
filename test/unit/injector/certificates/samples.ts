import { Buffer } from 'node:buffer';
import type { KubernetesObject } from '../../../../src/injector/certificates/api-server.ts';
import type { LogFields, Logger, LogLevel } from '../../../../src/telemetry/logger.ts';

export const NAMESPACE = 'keyside';
export const SERVICE = 'injector';
export const SECRET_PATH = '/api/v1/namespaces/keyside/secrets/certificate';
export const LEASE_PATH = '/apis/coordination.k8s.io/v1/namespaces/keyside/leases/injector';
export const WEBHOOK_PATH = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/injector';

/** A webhook that is called by a Service; without a `caBundle` unless one is given. */
export function webhook(service = SERVICE, caBundle?: string) {
  const place = { name: service, namespace: NAMESPACE, path: '/mutate', port: 443 };
  return { name: `${service}.keyside.dev`, clientConfig: { service: place, ...(caBundle === undefined ? {} : { caBundle }) } };
}

export function webhookConfiguration(...webhooks: readonly object[]): KubernetesObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'injector' },
    webhooks,
  };
}

/** As the Helm chart makes it. */
export function secret(data?: Readonly<Record<string, string>>): KubernetesObject {
  const labels = { 'app.kubernetes.io/name': 'keyside' };
  const encoded =
    data && Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'certificate', namespace: NAMESPACE, labels },
    ...(encoded === undefined ? {} : { data: encoded }),
  };
}

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** Keeps what is logged. */
export class KeptLog implements Logger {
  readonly lines: Line[] = [];

  log(level: LogLevel, message: string, fields?: LogFields): void {
    this.lines.push({ level, message, fields });
  }

  /** The errors of these lines that tell of a trouble. */
  get troubles(): string[] {
    return this.lines.filter(({ level }) => level === 'error').map(({ message, fields }) => `${message}: ${fields?.error}`);
  }
}
