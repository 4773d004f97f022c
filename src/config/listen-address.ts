import { isIPv4 } from 'node:net';

/** Where a listener listens. */
export interface ListenAddress {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/;

/** `127.0.0.1:7460`, `localhost:7460` or `[::1]:7460`; undefined for every other text. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, ipv6, name, digits] = ADDRESS.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** Whether nobody but this machine can reach it. Names other than localhost count as reachable, whatever they resolve to today. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
