/**
 * One of several processes that serve. Its supervisor tells it what to serve, hands it connections and has it stop; it stops by itself
 * where the supervisor is gone.
 */
import type { Socket } from 'node:net';
import { KeysideError } from '../core/errors.ts';
import type { Revoked } from '../keys/key-ring.ts';
import type { ListenerKind } from '../rpc/listen.ts';
import type { Peers } from '../service/service.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { JsonLogger } from '../telemetry/json-logger.ts';
import { stdoutSink } from '../telemetry/log-sink.ts';
import { dieInWords, keepInspectorShut } from './process-guards.ts';
import { ProcessLogger, sharedSink } from './process-log.ts';
import type { Drop, FromProcess, ToProcess } from './process-messages.ts';
import { type Serving, startServing } from './sidecar.ts';

type Start = Extract<ToProcess, { kind: 'start' }>;

class SidecarWorker {
  readonly #start: Start;
  readonly #logger: ProcessLogger;
  readonly #drops = new Map<number, (count: number | undefined) => void>();
  #lastDrop = 0;
  #serving: Serving | undefined;
  #connections: ReturnType<Serving['serveHanded']> | undefined;
  #isStopping = false;

  constructor(start: Start) {
    this.#start = start;
    const logger = new JsonLogger({ sink: sharedSink(stdoutSink()), level: start.config.log.level });
    this.#logger = new ProcessLogger(logger, start.process);
    dieInWords(this.#logger);
  }

  async start(): Promise<void> {
    const { config, process: number } = this.#start;
    const peers: Peers = { dropKeys: (tenantId, configurationId) => this.#dropElsewhere({ tenantId, configurationId }) };
    const tellRevoked = (revoked: Revoked): void => void say({ kind: 'revoked', revoked });
    try {
      this.#serving = await startServing(config, this.#logger, { several: { number, peers, tellRevoked } });
      this.#connections = this.#serving.serveHanded();
      await say({ kind: 'ready', facts: this.#serving.facts });
    } catch (error) {
      this.#logger.flushSync();
      await say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
      process.exit(1);
    }
  }

  hear(message: Exclude<ToProcess, Start>, socket: unknown): void {
    switch (message.kind) {
      case 'connection':
        this.#accept(socket as Socket | undefined, message.listener);
        break;
      case 'collect':
        void this.#collect(message.id);
        break;
      case 'drop':
        void say({ kind: 'answer', id: message.id, answer: this.#drop(message.drop) });
        break;
      case 'dropped':
        this.#drops.get(message.id)?.(message.count);
        break;
      case 'revoked':
        this.#serving?.ring.dropRevoked(message.revoked);
        break;
      case 'stop':
        void this.stop();
        break;
    }
  }

  /** Drains and ends, once; with 0 where all of it could be done. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await say({ kind: 'stopping' });
    let code = 0;
    try {
      await this.#serving?.drain();
      await this.#serving?.close();
    } catch (error) {
      this.#logger.log('error', 'the shutdown failed', errorFields(error));
      code = 1;
    }
    this.#logger.flushSync();
    process.exit(code);
  }

  /** Without its supervisor it serves nobody new, and nobody answers for the others. */
  async orphaned(): Promise<void> {
    for (const resolve of this.#drops.values()) resolve(undefined);
    await this.stop();
  }

  /** A connection that its client ended on the way here comes as nothing. */
  #accept(socket: Socket | undefined, listener: ListenerKind): void {
    void say({ kind: 'taken' });
    const disconnected = (): void => void say({ kind: 'disconnected' });
    if (socket === undefined) {
      disconnected();
      return;
    }
    socket.once('close', disconnected);
    if (this.#connections === undefined) socket.destroy();
    else this.#connections.take(socket, listener);
  }

  async #collect(id: number): Promise<void> {
    let answer: string | undefined;
    try {
      answer = await this.#serving?.collectMetrics?.();
    } catch (error) {
      this.#logger.log('warn', 'metrics cannot be collected', { ...errorFields(error), reason: undefined });
    }
    await say({ kind: 'answer', id, answer });
  }

  #drop({ tenantId, configurationId }: Drop): number {
    return this.#serving?.ring.dropTenant(tenantId, configurationId === undefined ? {} : { configurationId }) ?? 0;
  }

  async #dropElsewhere(drop: Drop): Promise<number> {
    this.#lastDrop += 1;
    const id = this.#lastDrop;
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.#drops.set(id, resolve);
    await say({ kind: 'drop', id, drop });
    const count = process.connected ? await promise : undefined;
    this.#drops.delete(id);
    if (count === undefined) throw new KeysideError('INTERNAL', 'a process of the daemon has not confirmed that it forgot them');
    return count;
  }
}

/** Resolves when it is sent. Where the supervisor is gone nobody is to be told, and `disconnect` says so. */
function say(message: FromProcess): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

keepInspectorShut();
let worker: SidecarWorker | undefined;

process.on('message', (message: ToProcess, socket: unknown) => {
  if (message.kind === 'start') {
    worker = new SidecarWorker(message);
    void worker.start();
  } else {
    worker?.hear(message, socket);
  }
});

// A Ctrl-C reaches the whole group of processes; the supervisor says what follows from it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => (worker === undefined ? process.exit(0) : void worker.stop()));
process.on('disconnect', () => (worker === undefined ? process.exit(0) : void worker.orphaned()));
