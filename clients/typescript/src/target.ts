import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';

/** Files of mutual TLS, PEM. Read once, when the client is made. */
export interface TlsFiles {
  /** The authorities that the daemon's certificate must be of. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where the daemon is and how it is spoken to. */
export interface Target {
  /** As grpc-js names it. */
  readonly uri: string;
  readonly credentials: ChannelCredentials;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Reads an address: `unix:///path`, or `host:port` (`[::1]:7460` for IPv6).
 * Precondition: without TLS the host is this machine. What is sent is plaintext, so nothing else is ever spoken to in clear.
 * @throws {TypeError} for another form, or another machine without TLS; {Error} where a file of TLS cannot be read
 */
export function parseTarget(address: string, tls: TlsFiles | undefined): Target {
  const [, path] = /^unix:(?:\/\/(?=\/)|(?!\/\/))(.+)/s.exec(address) ?? [];
  if (path !== undefined) {
    if (tls !== undefined) throw new TypeError('a Unix socket takes no TLS files');
    return { uri: address, credentials: ChannelCredentials.createInsecure() };
  }
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]\\]+):([0-9]{1,5})$/.exec(address) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new TypeError('the address must be unix:///path or host:port, such as 127.0.0.1:7460');
  }
  if (tls !== undefined) return { uri: `dns:${address}`, credentials: mutualTls(tls) };
  const uri = loopbackUri(host, Number(port));
  if (uri === undefined) throw new TypeError(`${host} is not this machine: TLS files are needed to speak to it`);
  return { uri, credentials: ChannelCredentials.createInsecure() };
}

function mutualTls({ caFile, certFile, keyFile }: TlsFiles): ChannelCredentials {
  const [ca, cert, key] = [readFileSync(caFile), readFileSync(certFile), readFileSync(keyFile)];
  // Said outright: the environment cannot turn it off.
  return ChannelCredentials.createSsl(ca, key, cert, { rejectUnauthorized: true });
}

/** In numbers, so that no resolver is asked: one may take `localhost` for another machine. Undefined for any other host. */
function loopbackUri(host: string, port: number): string | undefined {
  if (host.toLowerCase() === 'localhost') return `ipv4:127.0.0.1:${port}`;
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(bare);
  if (version === 0 || !LOOPBACK.check(bare, `ipv${version as 4 | 6}`)) return undefined;
  return `ipv${version}:${host}:${port}`;
}
