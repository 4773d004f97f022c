import { KeysideError } from '../../core/errors.ts';
import { ID_PATTERN } from '../../core/ids.ts';
import { DATA_KEY_BYTES } from '../../core/providers.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { LOCAL_STORE_FORMAT, type LocalStore, localStoreSchema } from './config.ts';
import { unfitFile } from './errors.ts';

const WARNING = 'software key, for development and small installations: whoever can read this file can read the data';

export type LocalKeyState = LocalStore['state'];

interface KeyVersion {
  readonly version: number;
  readonly key: SecretBytes;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** A software key as its file states it at this moment. Whoever read it disposes of it: that wipes all versions. */
export class StoredKey implements Disposable {
  readonly id: string;
  readonly state: LocalKeyState;
  /** 1, 2, 3, …; never empty. */
  readonly versions: readonly KeyVersion[];

  private constructor(id: string, state: LocalKeyState, versions: readonly KeyVersion[]) {
    this.id = id;
    this.state = state;
    this.versions = versions;
  }

  /** A new key with no version yet; `rotated` gives it the first. */
  static empty(id: string): StoredKey {
    if (!ID_PATTERN.test(id)) throw new KeysideError('REQUEST_INVALID', 'id is not 1 to 128 characters of [A-Za-z0-9._:@-]');
    return new StoredKey(id, 'enabled', []);
  }

  /**
   * Reads what `serialise` wrote. Errors say which part is wrong and never quote it, for it may be a key.
   * @throws {KeysideError} KEY_MISCONFIGURED
   */
  static parse(bytes: Buffer, file: string): StoredKey {
    const result = localStoreSchema.safeParse(parseJson(bytes, file));
    if (!result.success) {
      const places = result.error.issues.map(({ path }) => (path.length === 0 ? 'the whole' : path.join('.')));
      throw unfitFile(file, `is not a key store this version can read: see ${[...new Set(places)].join(', ')}`);
    }
    const { id, state, versions } = result.data;
    return new StoredKey(
      id,
      state,
      versions.map(({ version, key, createdAt }) => ({ version, key: decodeKey(key), createdAt })),
    );
  }

  /** The version that wraps. */
  get current(): KeyVersion {
    return this.versions[this.versions.length - 1] as KeyVersion;
  }

  find(version: string): KeyVersion | undefined {
    return this.versions.find((candidate) => String(candidate.version) === version);
  }

  /** The same key with one more version. Takes over `key`; both share the older versions, so dispose of one of them only. */
  rotated(key: SecretBytes, createdAt: Date): StoredKey {
    const version = this.versions.length + 1;
    return new StoredKey(this.id, this.state, [...this.versions, { version, key, createdAt: createdAt.toISOString() }]);
  }

  /** The same key in another state; shares all versions. */
  inState(state: LocalKeyState): StoredKey {
    return new StoredKey(this.id, state, this.versions);
  }

  /** The file's content. JavaScript cannot zero a string: this is for a command that ends soon, not for the daemon. */
  serialise(): string {
    const store: LocalStore = {
      format: LOCAL_STORE_FORMAT,
      warning: WARNING,
      id: this.id,
      state: this.state,
      versions: this.versions.map(({ version, key, createdAt }) => ({ version, key: encodeKey(key), createdAt })),
    };
    return `${JSON.stringify(store, undefined, 2)}\n`;
  }

  [Symbol.dispose](): void {
    for (const { key } of this.versions) key.wipe();
  }
}

/** The parser's own message quotes the text it stumbled over, so it is not kept as a cause. */
function parseJson(bytes: Buffer, file: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unfitFile(file, 'is not JSON');
  }
}

function encodeKey(key: SecretBytes): string {
  const { buffer, byteOffset, length } = key.expose();
  return Buffer.from(buffer, byteOffset, length).toString('base64');
}

/** Precondition: 43 characters of base64 and a `=`, which the schema saw to. */
function decodeKey(text: string): SecretBytes {
  const key = new Uint8Array(DATA_KEY_BYTES);
  const pooled = Buffer.from(text, 'base64');
  key.set(pooled);
  pooled.fill(0);
  return SecretBytes.own(key);
}
