import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, isListening, run } from './harness.ts';

const PROGRAM = '/usr/sbin/rsyslogd';
const PACKAGES = ['rsyslog', 'rsyslog-gnutls', 'openssl'];
const MODULE = '/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so';
const START_MS = 15_000;

/** Why there is no rsyslog here, in one line; undefined where there is. As root it is installed. */
export async function whyNoRsyslog(): Promise<string | undefined> {
  try {
    if (!existsSync(PROGRAM) || !existsSync(MODULE)) {
      await run('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      });
    }
    if (existsSync(PROGRAM)) return undefined;
    throw new Error(`installing left no ${PROGRAM}`);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return `no rsyslog with gtls: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`;
  }
}

/** Files of a small authority: its certificate, and pairs for the receiver, a client and a stranger of another authority. */
export interface SyslogCertificates {
  readonly folder: string;
  file(name: 'ca' | 'receiver' | 'client' | 'stranger', kind: 'crt' | 'key'): string;
}

export async function makeCertificates(folder: string): Promise<SyslogCertificates> {
  const file = (name: string, kind: 'crt' | 'key'): string => join(folder, `${name}.${kind}`);
  const common = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-x509'];
  const make = async (name: string, extra: readonly string[]): Promise<void> => {
    await run('openssl', [
      'req',
      ...common,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      file(name, 'key'),
      '-out',
      file(name, 'crt'),
      ...extra,
    ]);
  };
  await make('ca', ['-addext', 'keyUsage=critical,keyCertSign']);
  const signed = ['-CA', file('ca', 'crt'), '-CAkey', file('ca', 'key')];
  await make('receiver', [
    ...signed,
    '-addext',
    'subjectAltName=DNS:receiver,IP:127.0.0.1',
    '-addext',
    'basicConstraints=CA:FALSE',
  ]);
  await make('client', [...signed, '-addext', 'subjectAltName=DNS:client', '-addext', 'basicConstraints=CA:FALSE']);
  await make('stranger', ['-addext', 'subjectAltName=DNS:client']);
  return { folder, file };
}

/** An rsyslog that takes RFC 5424 over TLS from `client` alone, and writes the messages of it into a file, a line each. */
export class Rsyslog {
  readonly folder = mkdtempSync(join(tmpdir(), 'keyside-rsyslog-'));
  #certificates: SyslogCertificates | undefined;
  #port = 0;
  #child: ChildProcess | undefined;

  get port(): number {
    return this.#port;
  }

  get certificates(): SyslogCertificates {
    if (this.#certificates === undefined) throw new Error('rsyslog was not started');
    return this.#certificates;
  }

  /** Starts it; again on the same port after `stop`. */
  async start(): Promise<void> {
    this.#certificates ??= await makeCertificates(this.folder);
    this.#port ||= await freePort();
    const config = join(this.folder, 'rsyslog.conf');
    writeFileSync(config, this.#config(this.#certificates));
    const child = spawn(PROGRAM, ['-n', '-f', config, '-iNONE'], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text) => {
      said = (said + text).slice(-2_000);
    });
    const endsAt = Date.now() + START_MS;
    while (!(await isListening(this.#port))) {
      if (child.exitCode !== null || Date.now() > endsAt) throw new Error(`rsyslog does not listen: ${said}`);
      await pause(25);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** The messages that it wrote. */
  lines(): readonly string[] {
    const file = join(this.folder, 'messages');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #config({ file }: SyslogCertificates): string {
    return `
global(workDirectory="${this.folder}" maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${file('ca', 'crt')}"
  defaultNetstreamDriverCertFile="${file('receiver', 'crt')}" defaultNetstreamDriverKeyFile="${file('receiver', 'key')}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["client"]
  maxFrameSize="1000000")
input(type="imtcp" port="${this.#port}" address="127.0.0.1")
template(name="whole" type="string" string="%syslogfacility% %syslogseverity% %app-name% %msgid% %structured-data%|%msg%\\n")
action(type="omfile" file="${join(this.folder, 'messages')}" template="whole")
`;
  }
}
