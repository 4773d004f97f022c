import assert from 'node:assert/strict';
import type { CallMetadata, EncryptedDocument, KeysideClient } from '../../clients/typescript/src/index.ts';

/** Documents of this label cost a KMS call each, to write and to read: their policy keeps no data key. */
export const COLD_LABEL = 'cold';

const FIELDS = { name: Buffer.alloc(64, 'n'), notes: Buffer.alloc(448, 'm') };
/** One of so many pairs of a write and a read is cold. */
const PAIRS_PER_COLD = 10;

/** What an application does for one tenant: writes documents and reads them again, mostly under data keys that are in memory. */
export class TenantCalls {
  readonly #client: KeysideClient;
  readonly #tenantId: string;
  #pairs = 0;
  #written: { readonly document: EncryptedDocument; readonly metadata: CallMetadata } | undefined;

  constructor(client: KeysideClient, tenantId: string) {
    this.#client = client;
    this.#tenantId = tenantId;
  }

  /** Encrypts, or decrypts what was encrypted before and compares. */
  async next(): Promise<void> {
    if (this.#written === undefined) {
      const isCold = this.#pairs++ % PAIRS_PER_COLD === 0;
      const metadata = { tenantId: this.#tenantId, ...(isCold ? { dataLabel: COLD_LABEL } : {}) };
      this.#written = { document: await this.#client.encrypt(FIELDS, metadata), metadata };
      return;
    }
    const { document, metadata } = this.#written;
    this.#written = undefined;
    const { fields } = await this.#client.decrypt(document, metadata);
    for (const [name, value] of Object.entries(FIELDS)) assert.deepEqual(Buffer.from(fields.get(name) ?? []), value);
  }
}
