/**
 * The process that holds one PKCS#11 module. It speaks frames on file descriptor 3 with the daemon that started it and with nobody
 * else, and ends when that pipe ends. It may be killed at any moment.
 */
import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import { kill, pid } from 'node:process';
import type { Cryptoki } from './cryptoki.ts';
import { ReturnValue } from './cryptoki.ts';
import { faultOf, foundFault } from './found-fault.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import { describeKey, openUnder, sealUnder } from './key-use.ts';
import { LoggedInTokens } from './logged-in-token.ts';
import type { KeyRequest, LoadRequest, LoginRequest, Reply, Request } from './messages.ts';

const CHANNEL_FD = 3;
const NOTHING = new Uint8Array(0);

interface Answer {
  readonly reply: Reply;
  /** Wiped once it is sent. */
  readonly body: Uint8Array;
}

const channel = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
const reader = new FrameReader();
const tokens = new LoggedInTokens();
let cryptoki: Cryptoki | undefined;
let underWay = 0;

channel.on('data', (chunk: Buffer) => {
  for (const frame of reader.push(chunk)) void serve(frame);
});
channel.on('end', end);
channel.on('error', end);

async function serve({ head, body }: Frame): Promise<void> {
  // The daemon wrote it, this very version of it.
  const request = head as Request & { readonly id: number };
  underWay += 1;
  const answer = await answerTo(request, body).catch(
    (error: unknown): Answer => ({ reply: { ok: false, fault: faultOf(error) }, body: NOTHING }),
  );
  underWay -= 1;
  body.fill(0);
  const frame = encodeFrame({ id: request.id, ...answer.reply }, answer.body);
  answer.body.fill(0);
  channel.write(frame, () => frame.fill(0));
}

async function answerTo(request: Request, body: Uint8Array): Promise<Answer> {
  switch (request.op) {
    case 'load':
      return load(request);
    case 'login':
      return login(request, body);
    case 'seal':
      return withBody(await sealUnder(keyOf(request), body));
    case 'open':
      return withBody(await openUnder(keyOf(request), body));
    case 'describe':
      return { reply: { ok: true, facts: await describeKey(keyOf(request)) }, body: NOTHING };
  }
}

async function load({ module, initString }: LoadRequest): Promise<Answer> {
  const { openModule } = await import('./client.ts').catch((cause: unknown) => {
    throw foundFault('sdk-missing', cause);
  });
  try {
    cryptoki = openModule(module, initString);
  } catch (cause) {
    if (cause instanceof ReturnValue) throw cause;
    throw foundFault('module-unloadable', cause);
  }
  return withBody(NOTHING);
}

function login(request: LoginRequest, pin: Uint8Array): Answer {
  if (cryptoki === undefined) throw foundFault('fault');
  tokens.login(cryptoki, request, Buffer.from(pin.buffer, pin.byteOffset, pin.length).toString('utf8'));
  return withBody(NOTHING);
}

function keyOf(request: KeyRequest) {
  return { token: tokens.get(request.token), request };
}

function withBody(body: Uint8Array): Answer {
  return { reply: { ok: true }, body };
}

/**
 * Leaves the HSM in order, unless a call is under way, which may hang. Ends by a signal: an ordinary exit would wait for such calls.
 */
function end(): void {
  try {
    if (underWay === 0) {
      tokens.closeAll();
      cryptoki?.finalize();
    }
  } finally {
    kill(pid, 'SIGKILL');
  }
}
