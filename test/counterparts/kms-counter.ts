import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before an AWS KMS, hands every call on, and counts the calls by their name. */
export interface KmsCounter {
  readonly url: string;
  /** The calls since the last look, e.g. `{ GenerateDataKey: 1 }`. */
  take(): Record<string, number>;
  close(): Promise<void>;
}

export async function startKmsCounter(target: string): Promise<KmsCounter> {
  let counts: Record<string, number> = {};
  const server = createServer((incoming, outgoing) => {
    const name = String(incoming.headers['x-amz-target']).replace('TrentService.', '');
    counts[name] = (counts[name] ?? 0) + 1;
    const onward = request(target, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = counts;
      counts = {};
      return taken;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
