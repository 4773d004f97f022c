import { Buffer } from 'node:buffer';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';

/** What a method answers with: bytes, an error as grpc-js takes it, or nothing ever. */
export type Answer = Uint8Array | { readonly code: number; readonly details: string; readonly trailer?: Uint8Array } | 'never';

export interface SeenCall {
  readonly metadata: Metadata;
  readonly request: Uint8Array;
}

/** A server that answers the methods it is given, in bytes: what a daemon never says can be said too. */
export class FakeDaemon {
  readonly calls: SeenCall[] = [];
  readonly #server = new Server();
  readonly address: Promise<string>;

  constructor(path: string, answer: Answer) {
    const bytes = (value: Buffer): Buffer => value;
    const definition: ServiceDefinition = {
      method: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    };
    this.#server.addService(definition, {
      method: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        this.calls.push({ metadata: call.metadata, request: call.request });
        reply(answer, done);
      },
    });
    this.address = this.#listen();
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
      );
    });
  }
}

function reply(answer: Answer, done: sendUnaryData<Buffer>): void {
  if (answer === 'never') return;
  if (answer instanceof Uint8Array) {
    done(null, Buffer.from(answer));
    return;
  }
  const metadata = new Metadata();
  if (answer.trailer !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(answer.trailer));
  done({ name: 'Error', message: answer.details, code: answer.code, details: answer.details, metadata });
}
