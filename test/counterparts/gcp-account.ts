import { randomUUID } from 'node:crypto';
import { grpc } from 'google-gax';
import { KeyManagementService } from '../unit/kms/gcp/gcp-stub.ts';

const PLACE = 'projects/acme-prod/locations/europe-west3';
const PATIENCE_MS = 10_000;

type Message = Readonly<Record<string, unknown>>;

/** What a customer does in its own project: the administrator's side of KMS, which Keyside never takes; and any call by its name. */
export class GcpAccount {
  readonly #client: grpc.Client;

  constructor(url: string) {
    this.#client = new KeyManagementService(new URL(url).host, grpc.credentials.createInsecure());
  }

  /** One call without retries. Throws gRPC's own error. */
  async call(method: string, request: Message): Promise<Message> {
    const definition = KeyManagementService.service[method];
    if (definition === undefined) throw new Error(`there is no method ${method}`);
    const { path, requestSerialize, responseDeserialize } = definition;
    const deadline = Date.now() + PATIENCE_MS;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline }, (error, reply) =>
        error === null ? resolve(reply as Message) : reject(error),
      );
    });
  }

  async isReachable(): Promise<boolean> {
    await this.call('ListKeyRings', { parent: PLACE });
    return true;
  }

  /** The name of a fresh key in a ring of its own. */
  async createKey(purpose = 'ENCRYPT_DECRYPT', algorithm = 'GOOGLE_SYMMETRIC_ENCRYPTION'): Promise<string> {
    const keyRingId = randomUUID();
    await this.call('CreateKeyRing', { parent: PLACE, keyRingId, keyRing: {} });
    const cryptoKey = { purpose, versionTemplate: { algorithm } };
    const parent = `${PLACE}/keyRings/${keyRingId}`;
    const { name } = await this.call('CreateCryptoKey', { parent, cryptoKeyId: 'main', cryptoKey });
    return String(name);
  }

  /** A new version, which is the primary one from now on. */
  async rotate(parent: string): Promise<void> {
    const { name } = await this.call('CreateCryptoKeyVersion', { parent, cryptoKeyVersion: {} });
    const cryptoKeyVersionId = String(name).split('/').at(-1);
    await this.call('UpdateCryptoKeyPrimaryVersion', { name: parent, cryptoKeyVersionId });
  }

  async setState(version: string, state: 'ENABLED' | 'DISABLED'): Promise<void> {
    const cryptoKeyVersion = { name: version, state };
    await this.call('UpdateCryptoKeyVersion', { cryptoKeyVersion, updateMask: { paths: ['state'] } });
  }

  async scheduleDestruction(version: string): Promise<void> {
    await this.call('DestroyCryptoKeyVersion', { name: version });
  }

  async stateOf(version: string): Promise<string> {
    return String((await this.call('GetCryptoKeyVersion', { name: version })).state);
  }

  close(): void {
    this.#client.close();
  }
}
