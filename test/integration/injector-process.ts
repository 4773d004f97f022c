import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FakeApiServer } from '../fakes/fake-api-server.ts';
import { keysideProgram, type LogLine } from './daemon-process.ts';

const PATIENCE_MS = 30_000;
export const SERVER_NAME = 'injector.keyside.svc';

/** `keyside injector` in a process of its own. */
export interface InjectorProcess {
  readonly process: ChildProcess;
  /** Every line of its log so far. */
  readonly log: LogLine[];
  /** What it printed that is not a line of its log. */
  readonly prints: string[];
  /** Sends SIGTERM and waits; the exit code. */
  stop(): Promise<number | null>;
}

/**
 * @param file its configuration
 * @param api where it is told that the API server is; left out: nowhere
 */
export function startInjector(file: string, api?: FakeApiServer): InjectorProcess {
  const child = spawn(process.execPath, ['--disable-sigusr1', keysideProgram, 'injector', '--config', file], {
    env: {
      ...process.env,
      ...(api && { KUBERNETES_SERVICE_HOST: api.host, KUBERNETES_SERVICE_PORT: String(api.port) }),
      OTEL_METRICS_EXPORTER: 'prometheus',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [log, prints]: [LogLine[], string[]] = [[], []];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (line.startsWith('{"time"')) log.push(JSON.parse(line) as LogLine);
      else prints.push(line);
    });
  }
  return {
    process: child,
    log,
    prints,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

/** Waits until it is so. @throws with what the injectors said where it takes too long */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  injectors: readonly InjectorProcess[],
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    const said = injectors
      .map(({ log, prints }) => [...prints, ...log.map((line) => JSON.stringify(line))].join('\n'))
      .join('\n---\n');
    assert.ok(performance.now() < deadline, `${what} was waited for in vain:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Where it listens, once it does. */
export async function addressesOf(injector: InjectorProcess): Promise<{ webhookPort: number; http: string }> {
  const find = (message: string) => injector.log.find((line) => line.message === message);
  await until(() => find('listening') !== undefined, 'a webhook that listens', [injector]);
  const port = /:(\d+)$/.exec(String(find('listening')?.webhook))?.[1];
  return { webhookPort: Number(port), http: String(find('started')?.http) };
}

interface FileOptions {
  readonly directory: string;
  readonly api: FakeApiServer;
  /** Lines of `certificates`, indented. */
  readonly certificates: string;
  readonly nativeSidecars?: string;
}

/** Writes a configuration whose ports are free ones. */
export function writeInjectorFile({ directory, api, certificates, nativeSidecars = 'auto' }: FileOptions): string {
  const file = join(directory, 'injector.yaml');
  writeFileSync(
    file,
    `listen: { webhook: '127.0.0.1:0', http: '127.0.0.1:0' }
sidecar: { image: registry.example.com/keyside:1, nativeSidecars: ${nativeSidecars} }
certificates:
${certificates}
apiServer: { tokenFile: ${api.tokenFile}, caFile: ${api.caFile}, timeout: 1s }
`,
  );
  return file;
}

export interface Reviewed {
  readonly status: number;
  readonly body: {
    readonly response?: { readonly allowed: boolean; readonly patch?: string; readonly warnings?: readonly string[] };
  };
}

/** Asks a webhook as an API server does that trusts `ca` alone. @throws where it does not trust it */
export function askWebhook(port: number, ca: string, pod: object): Promise<Reviewed> {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u-1', kind, resource, namespace: 'shop', operation: 'CREATE', dryRun: false, object: pod },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Reviewed>();
  const options = {
    host: '127.0.0.1',
    port,
    path: '/mutate?timeout=5s',
    method: 'POST',
    ca,
    servername: SERVER_NAME,
    agent: false,
  } as const;
  const sent = request({ ...options, headers: { 'content-type': 'application/json' } }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      try {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
      } catch (cause) {
        reject(new Error(`no JSON: ${text}`, { cause }));
      }
    });
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}
