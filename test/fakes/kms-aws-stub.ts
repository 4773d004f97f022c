import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as AWS would get it. */
export interface StubRequest {
  /** `Decrypt`, `AssumeRole`, … */
  readonly action: string;
  readonly headers: IncomingMessage['headers'];
  /** The JSON body of KMS, or the form of STS. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** `hang`: takes the request and does not answer. `drop`: closes the connection. */
export type StubAnswer =
  | 'hang'
  | 'drop'
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };

/**
 * Speaks the wire formats of KMS (JSON) and STS (form in, XML out) on loopback, to show what the SDK and the provider make of an
 * answer. It models no KMS: every answer is given to it, and what it has no answer for fails loudly.
 */
export class AwsStub {
  readonly requests: StubRequest[] = [];
  /** The port that each request came from: one a connection. */
  readonly sockets: (number | undefined)[] = [];
  readonly #server: Server;
  #answer: (request: StubRequest) => StubAnswer;

  private constructor(server: Server, answer: (request: StubRequest) => StubAnswer) {
    this.#server = server;
    this.#answer = answer;
  }

  static async start(answer: (request: StubRequest) => StubAnswer = notModelled): Promise<AwsStub> {
    const server = createServer();
    const stub = new AwsStub(server, answer);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void stub.#serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  answer(answer: (request: StubRequest) => StubAnswer): void {
    this.#answer = answer;
  }

  /** Resolves once it has had so many requests. */
  async reached(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await incoming.toArray()).join('');
    const target = String(incoming.headers['x-amz-target'] ?? '').split('.')[1];
    const body = target === undefined ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text);
    const request = { action: target ?? String(body.Action), headers: incoming.headers, body };
    this.requests.push(request);
    this.sockets.push(incoming.socket.remotePort);
    const answer = this.#answer(request);
    if (answer === 'hang') return;
    if (answer === 'drop') {
      incoming.socket.destroy();
      return;
    }
    const isText = typeof answer.body === 'string';
    const type = isText ? 'text/xml' : 'application/x-amz-json-1.1';
    response.writeHead(answer.status ?? 200, { 'content-type': type, ...answer.headers });
    response.end(isText ? answer.body : JSON.stringify(answer.body));
  }
}

/** KMS's error of that name. */
export function kmsError(name: string, message = '', status = 400): StubAnswer {
  return { status, body: { __type: name, message } };
}

/** STS's error of that name. */
export function stsError(name: string, message = '', status = 403): StubAnswer {
  const error = `<Error><Type>Sender</Type><Code>${name}</Code><Message>${message}</Message></Error>`;
  return {
    status,
    body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}<RequestId>1</RequestId></ErrorResponse>`,
  };
}

/** STS's answer to AssumeRole or AssumeRoleWithWebIdentity. */
export function stsCredentials(action: string, accessKeyId: string): StubAnswer {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const credentials = `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token-of-${accessKeyId}</SessionToken><Expiration>${expiration}</Expiration></Credentials>`;
  const result = `<${action}Result>${credentials}</${action}Result>`;
  return { body: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</${action}Response>` };
}

function notModelled({ action }: StubRequest): StubAnswer {
  return { status: 501, body: `the stub has no answer to ${action}` };
}
