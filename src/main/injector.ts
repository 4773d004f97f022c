import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { InjectorOptions } from '../cli/program.ts';
import { systemClock } from '../core/clock.ts';
import { HttpsApiServer } from '../injector/certificates/api-server.ts';
import { CertificateFiles } from '../injector/certificates/certificate-files.ts';
import type { CertificateSource, TakeCertificate } from '../injector/certificates/certificate-source.ts';
import { Leader } from '../injector/certificates/leader.ts';
import { Repeated } from '../injector/certificates/repeated.ts';
import { SelfMadeCertificates } from '../injector/certificates/self-made.ts';
import { hasNativeSidecars } from '../injector/certificates/server-version.ts';
import { type InjectorConfig, injectionSettings, loadInjectorConfig, type SelfMadeConfig } from '../injector/config.ts';
import { PodReviewer } from '../injector/pod-reviewer.ts';
import { startWebhookServer, type TlsCredentials, type WebhookServer } from '../injector/webhook-server.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { JsonLogger } from '../telemetry/json-logger.ts';
import { stdoutSink } from '../telemetry/log-sink.ts';
import type { Logger } from '../telemetry/logger.ts';
import { startTelemetry } from './otel.ts';
import { prometheusHandler } from './otel-prometheus.ts';
import { dieInWords, keepInspectorShut } from './process-guards.ts';
import { hostPort, startHttp, stopOnSignals } from './running-sidecar.ts';
import { version } from './version.ts';

const SECOND_MS = 1_000;
/** What the API server answers at once, unless it is being replaced itself. */
const VERSION_TRIES = 5;

/**
 * Runs the injector until a signal ends the process. Resolves when it has begun to look for its certificate; the webhook is served from
 * when there is one.
 * @throws {ConfigurationError} with every fault of the configuration; {Error} naming what cannot be used
 */
export async function runInjector({ config: file }: InjectorOptions): Promise<void> {
  const config = loadInjectorConfig(file);
  const logger = new JsonLogger({ sink: stdoutSink(), level: config.log.level });
  keepInspectorShut();
  const fail = dieInWords(logger);
  stopOnSignals(await start({ config, logger, fail }), logger);
}

interface Parts {
  readonly config: InjectorConfig;
  readonly logger: Logger;
  readonly fail: (error: Error) => void;
}

async function start({ config, logger, fail }: Parts): Promise<{ stop(): Promise<void> }> {
  const clock = systemClock();
  const { telemetry, collectMetrics, shutdown } = await startTelemetry(process.env, { logger, clock, version });
  const api = new HttpsApiServer({
    ...config.apiServer,
    origin: apiServerOrigin(process.env),
    timeoutMs: config.apiServer.timeout,
  });
  const settings = nativeSidecars(config, api, logger).then((native) =>
    injectionSettings(config, { version, nativeSidecars: native }),
  );
  const webhook = new Webhook(config, async () => {
    const decided = await settings;
    const reviewer = new PodReviewer({ settings: () => decided, logger, metrics: telemetry.metrics });
    return (body) => reviewer.review(body);
  });
  const take: TakeCertificate = (serving) => {
    telemetry.metrics.certificateServed(serving.leaf.validToDate.getTime());
    webhook.take(serving).then(() => webhook.tell(logger), fail);
  };
  const certificates = certificatesOf(config, { api, logger, take });
  let isStopping = false;
  const http = await startHttp(config.listen.http, {
    isReady: () => !isStopping && webhook.isServing && certificates.source.isReady,
    metricsHandler: collectMetrics && prometheusHandler({ collect: collectMetrics, logger }),
  });
  logger.log('info', 'started', { http: http?.address, certificates: config.certificates.source, version });
  for (const loop of certificates.loops) loop.start();
  return {
    async stop() {
      isStopping = true;
      const released = Promise.all(certificates.loops.map((loop) => loop.stop())).then(() => certificates.release());
      await Promise.all([webhook.close(config.drain.timeout), released]);
      await Promise.all([http?.endpoints.close(), shutdown()]);
      api.close();
      logger.log('info', 'stopped');
    },
  };
}

/** Where every container of a cluster is told that the API server is. Outside of one there is none, and each request fails in words. */
function apiServerOrigin({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv): string {
  return `https://${hostPort({ host: host || 'kubernetes.default.svc', port: Number(port || 443) })}`;
}

/** As configured, or as the API server's version says; where it does not, as every cluster that is still maintained has it. */
async function nativeSidecars({ sidecar, certificates }: InjectorConfig, api: HttpsApiServer, logger: Logger): Promise<boolean> {
  if (sidecar.nativeSidecars !== 'auto') return sidecar.nativeSidecars === 'on';
  // Where somebody else makes the certificates there may be no way to the API server at all.
  const tries = certificates.source === 'files' ? 1 : VERSION_TRIES;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await hasNativeSidecars(api);
    } catch (error) {
      if (attempt === tries) {
        logger.log('warn', 'the version of Kubernetes is not known: sidecars are native ones', errorFields(error));
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, SECOND_MS));
    }
  }
}

interface Certificates {
  readonly source: CertificateSource;
  readonly loops: readonly Repeated[];
  /** Once the loops have stopped. */
  release(): Promise<void>;
}

interface CertificateParts {
  readonly api: HttpsApiServer;
  readonly logger: Logger;
  readonly take: TakeCertificate;
}

function certificatesOf({ certificates: config }: InjectorConfig, { api, logger, take }: CertificateParts): Certificates {
  const common = { logger, wallMs: () => Date.now(), onCertificate: take };
  if (config.source === 'files') {
    const source = new CertificateFiles({ ...common, directory: config.directory });
    return { source, loops: [watching(source, config.checkInterval)], release: async () => undefined };
  }
  const leader = leaderOf(config, api, logger);
  const source = new SelfMadeCertificates({
    ...common,
    api,
    leader,
    secret: config.secret,
    place: config,
    rules: {
      dnsNames: [`${config.service}.${config.namespace}.svc`, `${config.service}.${config.namespace}.svc.cluster.local`],
      authorityLifetimeMs: config.authorityLifetime,
      certificateLifetimeMs: config.certificateLifetime,
    },
    propagationMs: config.propagation,
    monotonicMs: () => performance.now(),
  });
  const electing = new Repeated(async () => {
    await leader.step();
    return config.leaderElection.retryPeriod;
  });
  return { source, loops: [electing, watching(source, config.checkInterval)], release: () => leader.release() };
}

function leaderOf({ namespace, lease, leaderElection }: SelfMadeConfig, api: HttpsApiServer, logger: Logger): Leader {
  return new Leader({
    api,
    namespace,
    lease,
    identity: `${hostname()}_${randomUUID()}`,
    times: { leaseDurationMs: leaderElection.leaseDuration, renewDeadlineMs: leaderElection.renewDeadline },
    clock: systemClock(),
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    logger,
  });
}

/** Until all is well it is looked after every second: at the start that is soon. */
function watching(source: CertificateSource, intervalMs: number): Repeated {
  return new Repeated(async () => {
    await source.check();
    return source.isReady ? intervalMs : Math.min(SECOND_MS, intervalMs);
  });
}

type Answering = Parameters<typeof startWebhookServer>[0]['mutate'];

/** The webhook's server: from the first certificate on, and then with whichever is the newest. */
class Webhook {
  readonly #config: InjectorConfig;
  readonly #prepare: () => Promise<Answering>;
  #newest: TlsCredentials | undefined;
  #server: WebhookServer | undefined;
  #starting: Promise<void> | undefined;
  #isTold = false;
  #isClosed = false;

  constructor(config: InjectorConfig, prepare: () => Promise<Answering>) {
    this.#config = config;
    this.#prepare = prepare;
  }

  get isServing(): boolean {
    return this.#server !== undefined;
  }

  /** @throws {Error} naming the address that cannot be used */
  async take(credentials: TlsCredentials): Promise<void> {
    this.#newest = credentials;
    this.#server?.exchange(credentials);
    this.#starting ??= this.#start(credentials);
    await this.#starting;
  }

  /** Says once where it listens. */
  tell(logger: Logger): void {
    if (this.#isTold || this.#server === undefined) return;
    this.#isTold = true;
    const webhook = hostPort({ ...this.#config.listen.webhook, port: this.#server.port });
    logger.log('info', 'listening', { webhook, version });
  }

  /** Afterwards nothing is begun any more. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    await this.#server?.close(graceMs);
  }

  async #start(credentials: TlsCredentials): Promise<void> {
    const mutate = await this.#prepare();
    if (this.#isClosed) return;
    this.#server = await startWebhookServer({ ...this.#config.listen.webhook, credentials, mutate });
    if (this.#newest !== undefined && this.#newest !== credentials) this.#server.exchange(this.#newest);
  }
}
