import { parentPort, workerData } from 'node:worker_threads';
import type { LogFields, Logger, LogLevel } from '../telemetry/logger.ts';
import { Courier, type Remainder } from './courier.ts';
import type { CourierStatus } from './courier-status.ts';
import type { SinkTarget } from './delivery.ts';
import { nodeFileLayer } from './file-layer.ts';
import { ReopenedSink } from './reopened-sink.ts';
import { openSink, type SinkConfig } from './sink-registry.ts';
import { SpoolProgress } from './spool-position.ts';

/** What the thread is given when it begins. */
export interface CourierStart {
  readonly directory: string;
  readonly sidecar: string;
  readonly maxTenantLagBytes: number;
  readonly progress: SharedArrayBuffer;
  readonly sinks: readonly SinkConfig[];
}

export type Question =
  | { readonly what: 'ready' }
  | { readonly what: 'sinks'; readonly sinks: readonly SinkConfig[] }
  | { readonly what: 'drain'; readonly timeoutMs: number }
  | { readonly what: 'stop' };

export interface Answer {
  readonly id: number;
  readonly left: readonly Remainder[];
  /** Why it could not be done. */
  readonly error?: string;
}

export type Said =
  | { readonly status: CourierStatus }
  | { readonly log: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields | undefined } }
  | Answer;

const port = parentPort;
if (port === null) throw new Error('this file is run as a thread');
const say = (said: Said): void => port.postMessage(said);

const { directory, sidecar, maxTenantLagBytes, progress, sinks } = workerData as CourierStart;
const logger: Logger = { log: (level, message, fields) => say({ log: { level, message, fields } }) };

const courier = Courier.start(
  {
    files: nodeFileLayer,
    directory,
    progress: new SpoolProgress(progress),
    logger,
    maxTenantLagBytes,
    random: Math.random,
    onStatus: (status) => say({ status }),
  },
  targetsOf(sinks),
);

// The thread ends then, and is started again.
courier.catch((error: Error) => {
  say({ log: { level: 'error', message: 'the courier of the audit trail cannot be started', fields: { error: error.message } } });
  port.close();
});

port.on('message', ({ id, question }: { readonly id: number; readonly question: Question }) => {
  answer(question).then(
    (left) => {
      say({ id, left });
      if (question.what === 'stop') port.close();
    },
    (error: Error) => say({ id, left: [], error: error.message }),
  );
});

async function answer(question: Question): Promise<readonly Remainder[]> {
  const running = await courier;
  if (question.what === 'sinks') await running.setTargets(targetsOf(question.sinks));
  if (question.what === 'stop') await running.stop();
  return question.what === 'drain' ? await running.drain(question.timeoutMs) : [];
}

/** Sinks open with their first delivery: one that cannot be opened holds back neither the others nor the start. */
function targetsOf(configured: readonly SinkConfig[]): SinkTarget[] {
  return configured.map(({ id, tenantId, events, choice }) => ({
    id,
    tenantId,
    kinds: events && new Set(events),
    sink: new ReopenedSink(choice.kind, () => openSink(choice, { sidecar })),
  }));
}
