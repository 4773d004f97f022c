import { Client, status as Code, credentials, type ServiceError } from '@grpc/grpc-js';
import { fromStatus } from '../../clients/typescript/src/status.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { decryptCall, encryptCall } from '../fakes/streams.ts';
import { RawClient } from '../integration/raw-client.ts';
import type { Refusal } from './ledger.ts';

/** One connection to a daemon for unary calls, and one for streams: not shared with others of the process. */
export class Connection {
  readonly unary: RawClient;
  readonly #streams: Client;

  constructor(address: string) {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    this.unary = new RawClient(address, options);
    this.#streams = new Client(address, credentials.createInsecure(), options);
  }

  encryptStream(): ReturnType<typeof encryptCall> {
    return encryptCall({ client: this.#streams });
  }

  decryptStream(): ReturnType<typeof decryptCall> {
    return decryptCall({ client: this.#streams });
  }

  refusal(error: ServiceError): Refusal {
    const [sent] = error.metadata?.get('grpc-status-details-bin') ?? [];
    const name = Code[error.code] as string;
    if (!(sent instanceof Buffer)) return { code: name, reason: name, retryAfterMs: undefined };
    const { code, reason, retryAfterMs } = fromStatus(Status.decode(sent));
    return { code, reason, retryAfterMs };
  }

  close(): void {
    this.unary.close();
    this.#streams.close();
  }
}
