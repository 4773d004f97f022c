import { readFileSync } from 'node:fs';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { listenTcp, listenUnix } from '../rpc/listen.ts';

export interface Bound {
  /** `host:port`, with the port that was given. */
  readonly tcp: string | undefined;
  readonly unix: string | undefined;
}

/**
 * Binds the server where the configuration says: TCP in clear on loopback, under mutual TLS where certificates are configured; the
 * Unix socket under its file permissions.
 */
export async function bindListeners(server: Server, listen: DaemonConfig['listen']): Promise<Bound> {
  const tcp = listen.tcp === undefined ? undefined : await listenTcp(server, listen.tcp, tcpCredentials(listen.tls));
  if (listen.unix !== undefined) await listenUnix(server, listen.unix, ServerCredentials.createInsecure());
  return { tcp, unix: listen.unix };
}

function tcpCredentials(tls: DaemonConfig['listen']['tls']): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: readFileSync(tls.certificateFile), private_key: readFileSync(tls.privateKeyFile) };
  const requiresClientCertificate = true;
  return ServerCredentials.createSsl(readFileSync(tls.clientCaFile), [pair], requiresClientCertificate);
}
