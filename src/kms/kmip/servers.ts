import { KmipServer, type KmipServerOptions } from './client.ts';

interface Shared {
  readonly server: KmipServer;
  users: number;
}

/** Keys of one server that prove themselves alike share its connections: a KMIP server takes few. */
export class KmipServers {
  readonly #shared = new Map<string, Shared>();

  /** Every `acquire` is followed by one `release` of the same options. */
  acquire(options: KmipServerOptions): KmipServer {
    const name = nameOf(options);
    const shared = this.#shared.get(name) ?? { server: new KmipServer(options), users: 0 };
    shared.users += 1;
    this.#shared.set(name, shared);
    return shared.server;
  }

  /** With the last user the connections are closed. */
  release(options: KmipServerOptions): void {
    const name = nameOf(options);
    const shared = this.#shared.get(name);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared.delete(name);
    shared.server.close();
  }
}

/** Paths and names only: no secret is in it. */
function nameOf({ target, connections }: KmipServerOptions): string {
  const { host, port, servername, caFile, certificateFile, keyFile, credential } = target;
  const { usernameFile, passwordFile } = credential ?? {};
  return JSON.stringify([host, port, servername, caFile, certificateFile, keyFile, usernameFile, passwordFile, connections]);
}
