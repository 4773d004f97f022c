import type { Socket } from 'node:net';
import type { DaemonConfig } from '../config/daemon-config.ts';
import type { ListenerKind } from '../rpc/listen.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import { prometheusHandler } from './otel-prometheus.ts';
import { listenForProcesses } from './process-listeners.ts';
import type { Drop, ProcessFacts } from './process-messages.ts';
import { mergeMetrics } from './process-metrics.ts';
import { shareOf } from './process-share.ts';
import { logListening, type RunningSidecar, startHttp } from './running-sidecar.ts';
import { inWords, type OtherProcesses, type ProcessEnd, ServingProcess } from './serving-process.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** A process that served this long did not end for what ended the one before it. */
const STEADY_MS = 60_000;
/** What stopping takes beside draining: goodbyes to clients, KMSs and receivers of telemetry. */
const STOP_MARGIN_MS = 15_000;

export interface ProcessesParts {
  /** Of the whole daemon; `processes` is 2 at least. */
  readonly config: DaemonConfig;
  readonly logger: Logger;
  /** Ends the daemon: no process serves and the one that should has not come up. */
  readonly fail: (error: Error) => void;
}

/**
 * Starts the daemon as several processes that serve, with this one above them: it listens, hands connections out and answers for
 * health and metrics. It holds no keys and reads no secrets. Resolves when all serve.
 * @throws {Error} in the words of the first process that cannot start; naming an address that cannot be used
 */
export async function startProcesses(parts: ProcessesParts): Promise<RunningSidecar> {
  const { config, logger } = parts;
  const processes = new Processes(parts);
  // None of the others stays behind. Where a signal kills this one they notice by themselves, and drain.
  process.once('exit', () => processes.kill());
  try {
    const facts = await processes.start();
    const listeners = await listenForProcesses(config.listen, (socket, kind) => processes.take(socket, kind));
    const collect = (): Promise<string> => processes.collect();
    const http = await startHttp(config.listen.http, {
      isReady: () => processes.isReady,
      metricsHandler: facts.hasMetrics ? prometheusHandler({ collect, logger }) : undefined,
    });
    logListening(logger, { bound: listeners.bound, http: http?.address }, { ...facts, processes: config.processes });
    return {
      bound: listeners.bound,
      http: http?.address,
      async stop() {
        try {
          await processes.stop();
        } finally {
          listeners.close();
          await http?.endpoints.close();
        }
        logger.log('info', 'stopped');
      },
    };
  } catch (error) {
    processes.kill();
    throw error;
  }
}

class Processes {
  readonly #config: DaemonConfig;
  readonly #logger: Logger;
  readonly #fail: (error: Error) => void;
  /** The present run of each number; a run that has ended stays until the next begins. */
  readonly #runs = new Map<number, ServingProcess>();
  readonly #delaysMs = new Map<number, number>();
  #isStopping = false;

  constructor({ config, logger, fail }: ProcessesParts) {
    this.#config = config;
    this.#logger = logger;
    this.#fail = fail;
  }

  /** True while every process serves. */
  get isReady(): boolean {
    return !this.#isStopping && [...this.#runs.values()].every(({ isReady }) => isReady);
  }

  /** Starts all at once. @throws {Error} why the first one that failed did */
  async start(): Promise<ProcessFacts> {
    const runs = Array.from({ length: this.#config.processes }, (_, at) => this.#run(at + 1));
    const [facts] = await Promise.all(runs.map(({ ready }) => ready));
    for (const run of runs) this.#keep(run);
    return facts as ProcessFacts;
  }

  /** Hands a connection to the process that has the fewest; where none serves it is closed, and the client tries again. */
  take(socket: Socket, listener: ListenerKind): void {
    // Whoever comes while the daemon drains is told so, as long as there is a process to tell it.
    const serving = this.#alive().filter(({ isReady }) => isReady || this.#isStopping);
    const least = serving.reduce<ServingProcess | undefined>(
      (best, run) => (best === undefined || run.connections < best.connections ? run : best),
      undefined,
    );
    if (least === undefined) socket.destroy();
    else least.hand(socket, listener);
  }

  /** The metrics of every process that answers in time. */
  async collect(): Promise<string> {
    const pages = await Promise.all(
      this.#alive().map(async (run) => ({ process: run.number, text: (await run.collect()) ?? '' })),
    );
    return mergeMetrics(pages);
  }

  /** Drains all. @throws {Error} naming those that did not end as they should */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const limit = setTimeout(() => this.kill(), this.#config.drain.timeoutMs + STOP_MARGIN_MS);
    const faults = await Promise.all(this.#alive().map((run) => stopped(run)));
    clearTimeout(limit);
    const said = faults.filter((fault) => fault !== undefined);
    if (said.length > 0) throw new Error(said.join('; '));
  }

  kill(): void {
    this.#isStopping = true;
    for (const run of this.#alive()) run.kill();
  }

  #run(number: number): ServingProcess {
    const others: OtherProcesses = {
      take: (socket, listener) => this.take(socket, listener),
      drop: (drop, asking) => this.#dropElsewhere(drop, asking),
      tellRevoked: (revoked, telling) => {
        for (const other of this.#alive(telling)) other.tellRevoked(revoked);
      },
    };
    const run = new ServingProcess({ number, config: shareOf(this.#config), others });
    this.#runs.set(number, run);
    return run;
  }

  #alive(except?: ServingProcess): ServingProcess[] {
    return [...this.#runs.values()].filter((run) => run.isAlive && run !== except);
  }

  async #dropElsewhere(drop: Drop, asking: ServingProcess): Promise<number | undefined> {
    const counts = await Promise.all(this.#alive(asking).map((run) => run.drop(drop)));
    return counts.reduce((sum, count) => (sum === undefined || count === undefined ? undefined : sum + count), 0);
  }

  /** Has a run that serves replaced when it ends. */
  #keep(run: ServingProcess): void {
    const sinceMs = performance.now();
    this.#logger.log('info', 'process serves', { process: run.number, pid: run.pid });
    void run.ended.then((end) => {
      if (this.#isStopping) return;
      if (performance.now() - sinceMs >= STEADY_MS) this.#delaysMs.delete(run.number);
      this.#logger.log('warn', 'process ended; it is replaced', { process: run.number, pid: run.pid, ...fieldsOf(end) });
      this.#replaceLater(run.number);
    });
  }

  #replaceLater(number: number): void {
    const delayMs = this.#delaysMs.get(number) ?? FIRST_DELAY_MS;
    this.#delaysMs.set(number, Math.min(delayMs * 2, MAX_DELAY_MS));
    setTimeout(() => void this.#replace(number), delayMs);
  }

  async #replace(number: number): Promise<void> {
    if (this.#isStopping) return;
    const run = this.#run(number);
    try {
      await run.ready;
    } catch (error) {
      await run.ended;
      if (this.#isStopping) return;
      this.#logger.log('error', 'process could not be replaced', { process: number, ...errorFields(error) });
      if ([...this.#runs.values()].some(({ isReady }) => isReady)) this.#replaceLater(number);
      else this.#fail(new Error('no process serves', { cause: error }));
      return;
    }
    this.#keep(run);
  }
}

function fieldsOf({ exitCode, signal }: ProcessEnd): { exitCode: number | undefined; signal: string | undefined } {
  return { exitCode: exitCode ?? undefined, signal: signal ?? undefined };
}

/** Stops one and waits for its end; in words, where that was not as it should be. */
async function stopped(run: ServingProcess): Promise<string | undefined> {
  run.stop();
  const end = await run.ended;
  return end.exitCode === 0 ? undefined : `process ${run.number} ended with ${inWords(end)}`;
}
