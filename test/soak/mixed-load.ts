import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { KeysideClient, KeysideError } from '../../clients/typescript/src/index.ts';
import {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  BatchEncryptResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import { TenantCalls } from '../faults/tenant-calls.ts';
import { RawClient } from '../integration/raw-client.ts';
import { CRYPTO, none } from '../integration/requests.ts';

const PAUSE_MS = 10;
const BATCH_DOCUMENTS = 50;
const OBJECT_BYTES = 2 ** 20 + 77;
const OBJECT_PIECE_BYTES = 2 ** 16;
/** Pairs of small calls between two batches, and between two objects. */
const PAIRS_PER_ROUND = 20;

/** How the calls of a run ended. */
export interface Tally {
  calls: number;
  readonly failures: { readonly tenantId: string; readonly reason: string; readonly sentence: string }[];
}

/** What one tenant's application does over and over: small documents written and read, a batch, an object as a stream. */
export class MixedLoad {
  readonly #tenantId: string;
  readonly #client: KeysideClient;
  readonly #raw: RawClient;
  readonly #tally: Tally;

  constructor(address: string, tenantId: string, tally: Tally) {
    this.#tenantId = tenantId;
    this.#client = new KeysideClient({ address, maxAttempts: 1 });
    this.#raw = new RawClient(address);
    this.#tally = tally;
  }

  async run(isWanted: () => boolean): Promise<void> {
    const small = new TenantCalls(this.#client, this.#tenantId);
    while (isWanted()) {
      for (let call = 0; call < 2 * PAIRS_PER_ROUND && isWanted(); call += 1) await this.#counted(() => small.next());
      await this.#counted(() => this.#batch());
      await this.#counted(() => this.#object());
    }
    this.#client.close();
    this.#raw.close();
  }

  async #counted(work: () => Promise<void>): Promise<void> {
    this.#tally.calls += 1;
    try {
      await work();
    } catch (error) {
      const reason = error instanceof KeysideError ? error.reason : undefined;
      this.#tally.failures.push({ tenantId: this.#tenantId, reason: String(reason), sentence: String(error) });
    }
    await setTimeout(PAUSE_MS);
  }

  async #batch(): Promise<void> {
    const about = { tenantId: this.#tenantId, metadata: undefined };
    const fields = new Map([['a', Buffer.alloc(512, this.#tenantId)]]);
    const documents = Array.from({ length: BATCH_DOCUMENTS }, (_, at) => ({ ...none, id: String(at), fields }));
    const sealed = await this.#post('BatchEncrypt', BatchEncryptRequest.encode({ ...about, documents }).finish());
    const stored = BatchEncryptResponse.decode(sealed).results.map(({ id, document }) => ({ ...none, id, ...document }));
    const opened = await this.#post('BatchDecrypt', BatchDecryptRequest.encode({ ...about, documents: stored }).finish());
    for (const { document } of BatchDecryptResponse.decode(opened).results) {
      // An item of a tenant whose KMS is out of reach has an error in its place.
      if (document !== undefined) assert.deepEqual(Buffer.from(document.fields.get('a') ?? []), fields.get('a'));
    }
  }

  async #post(method: string, request: Uint8Array): Promise<Uint8Array> {
    const ended = await this.#raw.call({ method: `${CRYPTO}/${method}`, request });
    assert.equal(ended.reason, 'OK', ended.message);
    return ended.bytes;
  }

  async #object(): Promise<void> {
    const metadata = { tenantId: this.#tenantId };
    let bytes = 0;
    for await (const piece of this.#client.decryptStream(this.#client.encryptStream(pieces(), metadata), metadata)) {
      bytes += piece.length;
    }
    assert.equal(bytes, OBJECT_BYTES);
  }
}

function* pieces(): Generator<Uint8Array> {
  for (let at = 0; at < OBJECT_BYTES; at += OBJECT_PIECE_BYTES) {
    yield Buffer.alloc(Math.min(OBJECT_PIECE_BYTES, OBJECT_BYTES - at), 'o');
  }
}
