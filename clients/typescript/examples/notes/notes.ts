import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { KeysideClient } from '@keyside/client';

export interface Note {
  readonly title: string;
  readonly text: string;
}

interface Row {
  readonly id: string;
  readonly edek: Uint8Array;
  readonly title: Uint8Array;
  readonly text: Uint8Array;
}

/** Who asks, for which tenant: from the session, never from what the user typed. */
export interface Caller {
  readonly tenantId: string;
  readonly requesterId: string;
}

/** Notes at rest: a row holds two ciphertexts, and the key that opens them, which only the tenant's KMS unwraps. */
export class Notes {
  readonly #database: DatabaseSync;
  readonly #keyside: KeysideClient;

  constructor(database: DatabaseSync, keyside: KeysideClient) {
    this.#database = database;
    this.#keyside = keyside;
    database.exec('CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY, tenant TEXT, edek BLOB, title BLOB, text BLOB)');
  }

  /** Returns the note's id. Nothing is stored where it could not be encrypted. */
  async add({ title, text }: Note, caller: Caller): Promise<string> {
    const id = randomUUID();
    // The row's id is bound to the ciphertexts: those of one row do not open in another.
    const { edek, fields } = await this.#keyside.encrypt({ title, text }, { ...caller, objectId: id, context: { note: id } });
    const insert = this.#database.prepare('INSERT INTO notes (id, tenant, edek, title, text) VALUES (?, ?, ?, ?, ?)');
    insert.run(id, caller.tenantId, edek, fields.get('title') ?? null, fields.get('text') ?? null);
    return id;
  }

  /** Undefined where the tenant has no such note. */
  async find(id: string, caller: Caller): Promise<Note | undefined> {
    const select = this.#database.prepare('SELECT id, edek, title, text FROM notes WHERE id = ? AND tenant = ?');
    const row = select.get(id, caller.tenantId) as unknown as Row | undefined;
    if (row === undefined) return undefined;
    const stored = { edek: row.edek, fields: { title: row.title, text: row.text } };
    const note = await this.#keyside.decrypt(stored, { ...caller, objectId: id, context: { note: id } });
    return { title: note.text('title'), text: note.text('text') };
  }
}
