import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { fromServiceError } from '../../clients/typescript/src/errors.ts';
import { decryptCall, encryptCall } from '../fakes/streams.ts';
import { RawClient } from '../integration/raw-client.ts';
import type { Refusal } from './ledger.ts';

/** One connection to a daemon for unary calls, and one for streams: not shared with others of the process. */
export class Connection {
  readonly unary: RawClient;
  readonly #address: string;
  readonly #streams: Client;

  constructor(address: string) {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    this.#address = address;
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
    const { code, reason, retryAfterMs } = fromServiceError(error, this.#address);
    return { code, reason, retryAfterMs };
  }

  close(): void {
    this.unary.close();
    this.#streams.close();
  }
}
