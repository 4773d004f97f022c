import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A connection, and how many of its requests are being answered. */
interface Held {
  readonly address: string;
  readonly socket: Socket;
  answering: number;
}

/**
 * Bounds the connections of a server without ever locking anybody out: where there is no room for a newcomer, whoever holds the most
 * connections loses one, the one that has been idle for longest, or that has not finished its request for longest.
 */
export function keepRoom(server: Server, maxConnections: number): void {
  // In the order of their last answer, or of their beginning.
  const all = new Map<string, Held>();
  server.on('connection', (socket: Socket) => {
    if (all.size >= maxConnections) endOne(all);
    const key = keyOf(socket);
    const held: Held = { address: socket.remoteAddress ?? '', socket, answering: 0 };
    all.set(key, held);
    socket.once('close', () => {
      if (all.get(key) === held) all.delete(key);
    });
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(socket);
    const held = all.get(key);
    if (held === undefined) return;
    held.answering += 1;
    response.once('close', () => {
      held.answering -= 1;
      if (all.get(key) !== held) return;
      // As the last one again.
      all.delete(key);
      all.set(key, held);
    });
  });
}

/** Over TLS the socket of a request is another object than that of its connection: what both know is where it comes from. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function endOne(all: Map<string, Held>): void {
  const counts = new Map<string, number>();
  for (const { address } of all.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const candidates = [...all].filter(([, { address }]) => counts.get(address) === most);
  const [key, held] = candidates.find(([, { answering }]) => answering === 0) ?? candidates[0] ?? [];
  if (key === undefined) return;
  all.delete(key);
  held?.socket.destroy();
}
