import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createKey } from '../../src/kms/local/store.ts';
import { keysideProgram, type LogLine } from '../integration/daemon-process.ts';

const START_MS = 30_000;

export const TENANTS: readonly string[] = ['acme', 'globex', 'initech', 'umbrella'];

export interface AuditedOptions {
  /** The block `audit` of the configuration, without its name. */
  readonly audit: string;
  /** More of the configuration file. */
  readonly more?: string;
  /** The block `audit` of tenants' entries, by tenant. */
  readonly tenantAudit?: Readonly<Record<string, string>>;
}

/** Where a daemon with software keys runs again and again, over the same audit directory. */
export class AuditedPlace {
  readonly folder: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(options: AuditedOptions): Promise<AuditedPlace> {
    const place = new AuditedPlace(mkdtempSync(join(tmpdir(), 'keyside-audited-')));
    for (const id of TENANTS) await createKey(join(place.folder, `${id}.json`), { id, now: new Date() });
    place.configure(options);
    return place;
  }

  /** For the next start. */
  configure({ audit, more = '', tenantAudit = {} }: AuditedOptions): void {
    const tenants = TENANTS.map((id) => {
      const key = `{ id: ${id}-key, provider: local, state: primary, local: { storeFile: ${id}.json } }`;
      return `  ${id}: { keys: [${key}]${tenantAudit[id] === undefined ? '' : `, audit: ${tenantAudit[id]}`} }`;
    });
    writeFileSync(join(this.folder, 'tenants.yaml'), `tenants:\n${tenants.join('\n')}\n`);
    writeFileSync(
      join(this.folder, 'keyside.yaml'),
      `listen: { tcp: "127.0.0.1:0", http: "127.0.0.1:0" }\ntenants: tenants.yaml\naudit: ${audit}\n${more}\n`,
    );
  }

  /** As the configuration has it by default. */
  get auditDirectory(): string {
    return join(this.folder, 'audit');
  }

  /** Of the daemon's one process. */
  get spool(): string {
    return join(this.auditDirectory, '1');
  }

  get publicKeyFile(): string {
    return join(this.spool, 'signing-key.pub.pem');
  }

  /** Starts a daemon; it may not listen yet. */
  spawn(): AuditedDaemon {
    const args = ['--disable-sigusr1', keysideProgram, 'sidecar', '--config', join(this.folder, 'keyside.yaml')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return new AuditedDaemon(child);
  }

  /** Starts a daemon and waits until it listens. */
  async start(): Promise<AuditedDaemon> {
    const daemon = this.spawn();
    await daemon.listening();
    return daemon;
  }

  /** Ends what still runs, and removes everything. */
  async remove(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A daemon in a process of its own, which may end in the middle of a line. */
export class AuditedDaemon {
  readonly process: ChildProcess;
  /** Its log without the lines of requests. */
  readonly log: LogLine[] = [];
  /** What it printed that is no line of its log. */
  readonly prints: string[] = [];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #listening = Promise.withResolvers<void>();
  #tcp = '';

  constructor(child: ChildProcess) {
    this.process = child;
    this.#listening.promise.catch(() => undefined); // of a daemon that is killed before, nobody waits for it
    for (const output of [child.stdout, child.stderr]) {
      if (output !== null) createInterface({ input: output }).on('line', (line) => this.#heard(line));
    }
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#listening.reject(new Error(`the daemon ended with ${code ?? signal}:\n${this.prints.join('\n')}`));
      return { code, signal };
    });
  }

  get tcp(): string {
    return this.#tcp;
  }

  async listening(): Promise<void> {
    const timer = setTimeout(
      () => this.#listening.reject(new Error(`the daemon did not listen within ${START_MS} ms`)),
      START_MS,
    );
    await this.#listening.promise.finally(() => clearTimeout(timer));
  }

  /** Takes the process away without a word: at once. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    const { signal } = await this.ended;
    if (signal !== 'SIGKILL') throw new Error('the daemon had ended before it was killed');
  }

  /** Tells it to end; the exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return (await this.ended).code;
  }

  /** Tells it to end; whether it came to its end, and says that all is well. */
  async endsWell(): Promise<boolean> {
    return (await this.stop()) === 0 && this.has('stopped');
  }

  has(message: string): boolean {
    return this.log.some((line) => line.message === message);
  }

  #heard(line: string): void {
    const entry = parsed(line);
    if (entry === undefined) {
      this.prints.push(line);
    } else if (entry.message !== 'request') {
      this.log.push(entry);
      if (entry.message !== 'listening') return;
      this.#tcp = String(entry.tcp);
      this.#listening.resolve();
    }
  }
}

/** Undefined where the line is none of the log, or the process ended within it. */
function parsed(line: string): LogLine | undefined {
  if (!line.startsWith('{"time"')) return undefined;
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
