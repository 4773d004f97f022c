import type { KeyDescription } from '../kms.ts';
import { OddAnswer } from './vault-server.ts';

/** What reading a Transit key shows, as far as it matters here. */
export interface TransitKeyFacts {
  readonly type: string;
  readonly isDerived: boolean;
  /** OpenBao's reversible deletion; HashiCorp Vault has none. */
  readonly isSoftDeleted: boolean;
  readonly isDeletionAllowed: boolean;
  /** Key material can leave the server by export or by plaintext backup. */
  readonly isExportable: boolean;
  readonly latestVersion: number;
  readonly minDecryptionVersion: number;
}

/** Authenticated ciphers with 256-bit keys, which bind the context as associated data. */
const FIT_TYPES: ReadonlySet<string> = new Set(['aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305']);

/** @throws {OddAnswer} where it is not the description of a Transit key */
export function transitKeyFacts(data: Readonly<Record<string, unknown>>): TransitKeyFacts {
  const { type, latest_version: latestVersion, min_decryption_version: minDecryptionVersion } = data;
  if (typeof type !== 'string' || typeof latestVersion !== 'number' || typeof minDecryptionVersion !== 'number') {
    throw new OddAnswer('an answer does not describe a key of Transit');
  }
  return {
    type,
    isDerived: data.derived === true,
    isSoftDeleted: data.soft_deleted === true,
    isDeletionAllowed: data.deletion_allowed === true,
    isExportable: data.exportable === true || data.allow_plaintext_backup === true,
    latestVersion,
    minDecryptionVersion,
  };
}

/** Why the key cannot serve, said after "it"; undefined where it can. */
export function misfitOf({ type, isDerived }: TransitKeyFacts): string | undefined {
  if (!FIT_TYPES.has(type)) return `is of type ${type}, and one of ${[...FIT_TYPES].join(', ')} is needed`;
  if (isDerived) return 'is a derived key, which needs a context of its own at every call: create one without derived';
  return undefined;
}

/** Precondition: the key can serve. */
export function describeFacts(facts: TransitKeyFacts): KeyDescription {
  const { type, latestVersion, minDecryptionVersion, isSoftDeleted, isDeletionAllowed, isExportable } = facts;
  const remarks = [
    `${type}, version ${latestVersion}, decrypts from version ${Math.max(1, minDecryptionVersion)}`,
    ...(isSoftDeleted ? ['soft-deleted'] : []),
    ...(isDeletionAllowed ? ['may be deleted'] : []),
    ...(isExportable ? ['its material may be exported'] : []),
  ];
  return { state: isSoftDeleted ? 'disabled' : 'enabled', detail: remarks.join(', ') };
}
