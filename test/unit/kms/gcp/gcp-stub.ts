import { createRequire } from 'node:module';
import { GrpcClient, grpc } from 'google-gax';
import { ErrorInfo, PreconditionFailure, RetryInfo } from '../../../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../../../src/gen/google/rpc/status.ts';
import { crc32c } from '../../../../src/kms/gcp/crc32c.ts';

export const KEY_NAME = 'projects/acme-prod/locations/europe-west3/keyRings/keyside/cryptoKeys/main';

const METHODS = {
  encrypt: 'Encrypt',
  decrypt: 'Decrypt',
  getCryptoKey: 'GetCryptoKey',
  getCryptoKeyVersion: 'GetCryptoKeyVersion',
} as const;

export type StubMethod = keyof typeof METHODS;

/** One request as Google would get it. */
export interface StubRequest {
  readonly method: StubMethod;
  readonly request: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Address and port it came from: one a connection. */
  readonly peer: string;
  /** The moment by which the caller wants the answer. */
  readonly deadline: Date;
}

/** `hang`: takes the request and does not answer. */
export type StubAnswer = 'hang' | { readonly reply: object } | StubFailure;

interface StubFailure {
  readonly status: keyof typeof grpc.status;
  readonly message: string;
  /** `google.rpc.Status`, encoded. */
  readonly details?: Uint8Array;
}

type Answer = (request: StubRequest) => StubAnswer | Promise<StubAnswer>;

interface Packages {
  readonly google: {
    readonly cloud: { readonly kms: { readonly v1: { readonly KeyManagementService: grpc.ServiceClientConstructor } } };
  };
}

const DESCRIPTORS: object = createRequire(import.meta.url)('@google-cloud/kms/build/protos/protos.json');

/** The service as the SDK knows it: what it sends is read by its own descriptors. */
export const { KeyManagementService } = (new GrpcClient().loadProtoJSON(DESCRIPTORS) as unknown as Packages).google.cloud.kms.v1;

/**
 * Speaks the wire format of Cloud KMS on loopback, to show what the SDK and the provider make of an answer. It models no KMS: every
 * answer is given to it, and what it has no answer for fails loudly.
 */
export class GcpStub {
  readonly requests: StubRequest[] = [];
  /** Calls that the caller gave up. */
  cancelled = 0;
  readonly #server = new grpc.Server();
  readonly #answer: { now: Answer };
  #port = 0;

  private constructor(answer: Answer) {
    this.#answer = { now: answer };
  }

  static async start(
    answer: Answer = notModelled,
    credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
  ): Promise<GcpStub> {
    const stub = new GcpStub(answer);
    await stub.#listen(credentials);
    return stub;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  answer(answer: Answer): void {
    this.#answer.now = answer;
  }

  /** Resolves once it has had so many requests. */
  async reached(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.forceShutdown();
  }

  async #listen(credentials: grpc.ServerCredentials): Promise<void> {
    const handlers = (Object.keys(METHODS) as StubMethod[]).map((method) => [
      METHODS[method],
      (call: grpc.ServerUnaryCall<Record<string, unknown>, object>, callback: grpc.sendUnaryData<object>) =>
        void this.#serve(method, call, callback),
    ]);
    this.#server.addService(KeyManagementService.service, Object.fromEntries(handlers));
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
    });
  }

  async #serve(
    method: StubMethod,
    call: grpc.ServerUnaryCall<Record<string, unknown>, object>,
    callback: grpc.sendUnaryData<object>,
  ): Promise<void> {
    call.on('cancelled', () => {
      this.cancelled += 1;
    });
    const metadata = Object.fromEntries(Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)]));
    const request = { method, request: call.request, metadata, peer: call.getPeer(), deadline: new Date(call.getDeadline()) };
    this.requests.push(request);
    const answer = await this.#answer.now(request);
    if (answer === 'hang') return;
    if ('reply' in answer) callback(null, answer.reply);
    else callback(errorOf(answer));
  }
}

function errorOf({ status, message, details }: StubFailure): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details));
  return { code: grpc.status[status], details: message, metadata };
}

interface Details {
  /** Types of the violations of a PreconditionFailure. */
  readonly violations?: readonly string[];
  /** The reason of an ErrorInfo. */
  readonly reason?: string;
  readonly retrySeconds?: number;
}

/** Google's failure of that status, with details as it sends them. */
export function failure(status: keyof typeof grpc.status, message = '', details?: Details): StubAnswer {
  if (details === undefined) return { status, message };
  const { violations = [], reason, retrySeconds } = details;
  const any = (type: string, value: Uint8Array) => ({ typeUrl: `type.googleapis.com/google.rpc.${type}`, value });
  const encoded = [];
  if (violations.length > 0) {
    const failures = violations.map((type) => ({ type, subject: `${KEY_NAME}/cryptoKeyVersions/1`, description: '' }));
    encoded.push(any('PreconditionFailure', PreconditionFailure.encode({ violations: failures }).finish()));
  }
  if (reason !== undefined) {
    const info = ErrorInfo.encode({ reason, domain: 'googleapis.com', metadata: new Map() });
    encoded.push(any('ErrorInfo', info.finish()));
  }
  if (retrySeconds !== undefined) {
    encoded.push(any('RetryInfo', RetryInfo.encode({ retryDelay: { seconds: retrySeconds, nanos: 0 } }).finish()));
  }
  return { status, message, details: Status.encode({ code: grpc.status[status], message, details: encoded }).finish() };
}

/** GetCryptoKey's answer for a sound key, with what is to be otherwise. */
export function keyFacts(change: { readonly purpose?: string; readonly primary?: object | null } = {}): StubAnswer {
  const { purpose = 'ENCRYPT_DECRYPT', primary = version('1') } = change;
  return { reply: { name: KEY_NAME, purpose, primary } };
}

export function version(number: string, state = 'ENABLED', protectionLevel = 'SOFTWARE'): object {
  return { name: `${KEY_NAME}/cryptoKeyVersions/${number}`, state, protectionLevel, algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' };
}

/** Encrypt's answer, with true checksums. */
export function encrypted(ciphertext: Uint8Array, change: object = {}): StubAnswer {
  return {
    reply: {
      name: `${KEY_NAME}/cryptoKeyVersions/1`,
      ciphertext,
      ciphertextCrc32c: { value: crc32c(ciphertext) },
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
      ...change,
    },
  };
}

/** Decrypt's answer, with a true checksum. */
export function decrypted(plaintext: Uint8Array, change: object = {}): StubAnswer {
  return { reply: { plaintext, plaintextCrc32c: { value: crc32c(plaintext) }, usedPrimary: true, ...change } };
}

function notModelled({ method }: StubRequest): StubAnswer {
  return failure('UNIMPLEMENTED', `the stub has no answer to ${method}`);
}
