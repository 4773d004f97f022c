import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../counterparts/harness.ts';
import { keysideProgram } from '../integration/daemon-process.ts';

const START_MS = 20_000;

/** A daemon whose log, a line for each request, is written and read by nobody. */
export interface Daemon {
  readonly tcp: string;
  readonly http: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts it with this configuration, of which `listen` is left out, and waits until it is ready. */
export async function startLoadedDaemon(folder: string, configuration: string, env: NodeJS.ProcessEnv = {}): Promise<Daemon> {
  const [tcp, http] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const file = join(folder, 'keyside.yaml');
  writeFileSync(file, `listen: { tcp: "${tcp}", http: "${http}" }\n${configuration}`);
  const child = spawn(process.execPath, ['--disable-sigusr1', keysideProgram, 'sidecar', '--config', file], {
    env: { ...process.env, OTEL_METRICS_EXPORTER: 'prometheus', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let isStopping = false;
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (!isStopping) console.error(`the daemon ended by itself: code ${code}, signal ${signal}`);
  });
  const stop = async (): Promise<void> => {
    isStopping = true;
    process.off('exit', killAtExit);
    child.kill('SIGTERM');
    await ended;
  };
  const limitMs = performance.now() + START_MS;
  while (!(await isReady(http))) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
    if (performance.now() > limitMs) {
      await stop();
      throw new Error(`the daemon was not ready within ${START_MS} ms`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  return { tcp, http, pid: child.pid as number, stop };
}

async function isReady(http: string): Promise<boolean> {
  return fetch(`http://${http}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
