import { setTimeout } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import type { Logger } from '../telemetry/logger.ts';
import type { Admission } from './admission.ts';
import type { Health } from './health.ts';
import type { HandedConnections } from './listen.ts';

/** How long clients have to take their last answers and close, after the last call has ended, in milliseconds. */
const GOODBYE_MS = 500;

export interface DrainParts {
  readonly server: Server;
  readonly admission: Admission;
  readonly health: Health;
  /** Connections that the server did not accept itself. */
  readonly handed?: Pick<HandedConnections, 'closed'> | undefined;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Refuses new calls with DRAINING, waits for the running ones up to `timeoutMs`, then closes the server. */
export async function drain({ server, admission, health, handed, timeoutMs, logger }: DrainParts): Promise<void> {
  const idle = admission.drain();
  health.drain();
  if (!(await within(idle, timeoutMs))) {
    logger.log('warn', 'calls still ran when the time to drain was over', { calls: admission.calls, timeoutMs });
  }
  const shutDown = new Promise<void>((resolve) => {
    server.tryShutdown((error) => {
      if (error !== undefined) logger.log('debug', 'the server was closed by force', { cause: error.message });
      resolve();
    });
  });
  const closed = Promise.all([shutDown, handed?.closed()]);
  if (!(await within(closed, GOODBYE_MS))) server.forceShutdown();
}

/** Whether `work` ended in time. */
async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const abort = new AbortController();
  try {
    return await Promise.race([work.then(() => true), setTimeout(timeoutMs, false, { signal: abort.signal })]);
  } finally {
    abort.abort();
  }
}
