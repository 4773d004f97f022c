import { resolve } from 'node:path';
import type { SidecarOptions } from '../cli/program.ts';
import { LEAST_SEGMENTS } from '../config/audit-room.ts';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { isLoopback, type ListenAddress, parseListenAddress } from '../config/listen-address.ts';

const OFF = 'off';

type Overrides = Pick<SidecarOptions, 'tcp' | 'http' | 'unix' | 'auditDir' | 'auditMaxBytes'>;

/**
 * The configuration with what the command line says in place of what the file does.
 * @throws {Error} naming the option that cannot be taken
 */
export function withOverrides(config: DaemonConfig, overrides: Overrides): DaemonConfig {
  return { ...config, listen: listenAt(config.listen, overrides), audit: auditIn(config, overrides) };
}

function listenAt(configured: DaemonConfig['listen'], { tcp, http, unix }: Overrides): DaemonConfig['listen'] {
  const listen = {
    ...configured,
    ...(tcp === undefined ? {} : { tcp: address('--tcp', tcp) }),
    ...(http === undefined ? {} : { http: address('--http', http) }),
    ...(unix === undefined ? {} : { unixPath: unix }),
  };
  if (listen.tcp === undefined && listen.unixPath === undefined) {
    throw new Error(`--tcp ${OFF} leaves nothing to listen on: give --unix, or listen.unix in the configuration`);
  }
  if (listen.tcp !== undefined && !isLoopback(listen.tcp) && listen.tls === undefined) {
    throw new Error(`--tcp ${tcp} can be reached from outside: configure listen.tls, or listen on loopback`);
  }
  return listen;
}

function address(option: string, text: string): ListenAddress | undefined {
  if (text === OFF) return undefined;
  const parsed = parseListenAddress(text);
  if (parsed === undefined) throw new Error(`${option} ${JSON.stringify(text)} is neither host:port nor ${OFF}`);
  return parsed;
}

/** The room is the whole daemon's: each process has a spool of its own. */
function auditIn({ audit, processes }: DaemonConfig, { auditDir, auditMaxBytes }: Overrides): DaemonConfig['audit'] {
  const directory = auditDir === undefined ? audit.directory : resolve(auditDir);
  if (auditMaxBytes === undefined) return { ...audit, directory };
  const maxBytes = Math.floor(Number(auditMaxBytes) / processes);
  if (!/^[1-9]\d{0,14}$/.test(auditMaxBytes)) throw new Error('--audit-max-bytes is not a whole number of bytes');
  const least = LEAST_SEGMENTS * audit.segmentBytes;
  if (maxBytes < least) {
    throw new Error(`--audit-max-bytes gives each process ${maxBytes} bytes: ${LEAST_SEGMENTS} segments take ${least}`);
  }
  return { ...audit, directory, maxBytes };
}
