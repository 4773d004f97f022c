/**
 * The daemon that the suite runs against, real and with nothing replaced but the KMSs that must refuse. As a command it prints the
 * variables of README.md as `export` lines and serves until it is told to end (SIGTERM, SIGINT, or the end of a pipe on its standard
 * input); `node test/interop/serve.ts COMMAND ARGUMENT…` runs the command with the variables set, and ends with it.
 * `--unix` before it: the address is the Unix socket and not the TCP port.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DropKeysRequest } from '../../src/gen/keyside/v1/key.ts';
import { startDaemon } from '../integration/daemon-process.ts';
import { RawClient } from '../integration/raw-client.ts';
import { writeDeployment } from './deployment.ts';
import { KmsStub } from './kms-stub.ts';

const SCENARIOS_FILE = join(import.meta.dirname, 'scenarios.json');

/** A daemon with what clients need to take part. */
export interface Served {
  /** `127.0.0.1:PORT` */
  readonly tcp: string;
  /** `unix:///…` */
  readonly unix: string;
  /** The folder for what is exchanged. */
  readonly exchange: string;
  /** The daemon's log and other output, one text a line. */
  readonly output: () => readonly string[];
  /** How often a KMS of that name was asked to wrap. */
  wrapsOf(key: string): number;
  /** Gives the key under which scenarios are written another version, and has the daemon forget data keys under the present one. */
  rotate(): Promise<void>;
  /** The variables of README.md, but for the phase and the writers. */
  variables(address: string): Readonly<Record<string, string>>;
  /** Ends the daemon and removes its folder; the daemon's exit code. */
  stop(): Promise<number | null>;
}

/** Starts a daemon in a new folder and waits until it listens. */
export async function serve(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-interop-'));
  const kms = await KmsStub.start();
  const exchange = join(folder, 'exchange');
  mkdirSync(exchange);
  try {
    const deployment = await writeDeployment(folder, kms.address);
    const daemon = await startDaemon(['--config', deployment.configFile]);
    return {
      tcp: daemon.tcp,
      unix: `unix://${deployment.socket}`,
      exchange,
      output: () => [...daemon.prints, ...daemon.log.map((line) => JSON.stringify(line))],
      wrapsOf: (key) => kms.wrapsOf(key),
      rotate: async () => {
        await deployment.rotate();
        await dropKeys(daemon.tcp, readFileSync(deployment.tokenFile, 'utf8').trim());
      },
      variables: (address) => ({
        KEYSIDE_ADDRESS: address,
        KEYSIDE_TOKEN_FILE: deployment.tokenFile,
        KEYSIDE_INTEROP_SCENARIOS: SCENARIOS_FILE,
        KEYSIDE_INTEROP_DIR: exchange,
        KEYSIDE_INTEROP_TOKENS: deployment.tokens,
      }),
      stop: async () => {
        const code = await daemon.stop();
        await kms.stop();
        rmSync(folder, { recursive: true, force: true });
        return code;
      },
    };
  } catch (error) {
    await kms.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function dropKeys(address: string, token: string): Promise<void> {
  const client = new RawClient(address);
  const request = DropKeysRequest.encode({ tenantId: 'acme', keyId: '' }).finish();
  const { code, message } = await client.call({ method: 'keyside.v1.KeyService/DropKeys', request, token });
  client.close();
  if (code !== 'OK') throw new Error(`the daemon does not forget: ${message}`);
}

async function main(args: readonly string[]): Promise<void> {
  const isUnix = args[0] === '--unix';
  const [program, ...rest] = isUnix ? args.slice(1) : args;
  const served = await serve();
  const variables = served.variables(isUnix ? served.unix : served.tcp);
  try {
    if (program === undefined) {
      for (const [name, value] of Object.entries(variables)) console.log(`export ${name}='${value}'`);
      await Promise.race([signalled(), pipeEnded()]);
      process.stdin.pause();
    } else {
      const child = spawn(program, rest, { stdio: 'inherit', env: { ...process.env, ...variables } });
      const ended = once(child, 'exit');
      void signalled().then(() => child.kill('SIGTERM'));
      const [code] = await ended;
      process.exitCode = code ?? 1;
    }
  } finally {
    await served.stop();
  }
}

async function signalled(): Promise<void> {
  await Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal)));
}

/** Never resolves where the standard input is no pipe: then it says nothing. */
async function pipeEnded(): Promise<void> {
  const stdin = fstatSync(0);
  if (!stdin.isFIFO() && !stdin.isSocket()) await new Promise<void>(() => undefined);
  await once(process.stdin.resume(), 'end');
}

if (import.meta.main) await main(process.argv.slice(2));
