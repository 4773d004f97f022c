import { DatabaseSync } from 'node:sqlite';
import { KeyRevokedError, KeysideClient, KeysideError } from '@keyside/client';
import express, { type NextFunction, type Request, type Response } from 'express';
import { type Caller, Notes } from './notes.ts';

const keyside = new KeysideClient({ defaults: { purpose: 'notes' } });
const notes = new Notes(new DatabaseSync(process.env.DATABASE ?? 'notes.sqlite'), keyside);

const app = express();
app.use(express.json());

app.post('/notes', async (request, response) => {
  const { title, text } = request.body;
  if (typeof title !== 'string' || typeof text !== 'string') {
    response.status(400).json({ error: 'a note has a title and a text' });
    return;
  }
  response.status(201).json({ id: await notes.add({ title, text }, callerOf(request)) });
});

app.get('/notes/:id', async (request, response) => {
  const note = await notes.find(request.params.id, callerOf(request));
  if (note === undefined) response.status(404).json({ error: 'no such note' });
  else response.json(note);
});

// biome-ignore lint/complexity/useMaxParams: Express tells a handler of errors by its four parameters
app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (!(error instanceof KeysideError)) next(error);
  else if (error instanceof KeyRevokedError) response.status(403).json({ error: 'your key is disabled in your KMS' });
  else if (error.isRetryable) response.status(503).set('retry-after', '1').json({ error: error.reason });
  else response.status(500).json({ error: error.reason });
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`);
});

process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  keyside.close();
});

/** In place of your authentication. */
function callerOf(request: Request): Caller {
  return { tenantId: request.get('x-tenant') ?? '', requesterId: request.get('x-user') ?? 'anonymous' };
}
