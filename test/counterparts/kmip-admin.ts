import { randomUUID } from 'node:crypto';
import { KmipServer } from '../../src/kms/kmip/client.ts';
import { byteString, enumeration, integer, required, structure, text } from '../../src/kms/kmip/fields.ts';
import type { KmipOperation } from '../../src/kms/kmip/messages.ts';
import { factsOperation } from '../../src/kms/kmip/operations.ts';
import { ALGORITHM_AES, NAME_UNINTERPRETED_TEXT, OBJECT_TYPE_SYMMETRIC_KEY, STATE_NAMES, TAG } from '../../src/kms/kmip/tags.ts';
import type { KmipTarget } from '../../src/kms/kmip/tls.ts';
import type { TtlvItem } from '../../src/kms/kmip/ttlv.ts';
import type { PolicyName } from './kmip-pykmip.ts';

/** Operations and tags that Keyside itself has no use for. */
const OPERATION = { create: 0x01, register: 0x03, activate: 0x12, revoke: 0x13, destroy: 0x14 } as const;

const ADMIN_TAG = {
  cryptographicLength: 0x42002a,
  keyBlock: 0x420040,
  keyFormatType: 0x420042,
  keyMaterial: 0x420043,
  keyValue: 0x420045,
  objectType: 0x420057,
  revocationReason: 0x420081,
  revocationReasonCode: 0x420082,
  symmetricKey: 0x42008f,
  templateAttribute: 0x420091,
} as const;

const CALL = { signal: new AbortController().signal, lane: 'administrator' };

const KEY_FORMAT_RAW = 1;

/** Why a key is revoked: it decides between Compromised and Deactivated. */
const REVOCATION = { keyCompromise: 2, cessationOfOperation: 6 } as const;

export interface NewKey {
  readonly name?: string;
  readonly bits?: number;
  readonly usageMask?: number;
  readonly policy?: PolicyName;
}

/** What a customer does in its own KMIP server: the administrator's side, which Keyside never takes. */
export class KmipAdmin {
  readonly server: KmipServer;

  constructor(target: KmipTarget) {
    this.server = new KmipServer({ target, connections: 2 });
  }

  /** A key made by the server, Active. */
  async createKey(key: NewKey = {}): Promise<string> {
    const uid = await this.createInactiveKey(key);
    await this.activate(uid);
    return uid;
  }

  async createInactiveKey(key: NewKey = {}): Promise<string> {
    const payload = [enumeration(ADMIN_TAG.objectType, OBJECT_TYPE_SYMMETRIC_KEY), template(key)];
    return this.#ask(OPERATION.create, payload);
  }

  /** A key of the customer's own material, Active. */
  async registerKey(material: Uint8Array, key: NewKey = {}): Promise<string> {
    const block = structure(ADMIN_TAG.keyBlock, [
      enumeration(ADMIN_TAG.keyFormatType, KEY_FORMAT_RAW),
      structure(ADMIN_TAG.keyValue, [byteString(ADMIN_TAG.keyMaterial, material)]),
      enumeration(TAG.cryptographicAlgorithm, ALGORITHM_AES),
      integer(ADMIN_TAG.cryptographicLength, material.length * 8),
    ]);
    const payload = [
      enumeration(ADMIN_TAG.objectType, OBJECT_TYPE_SYMMETRIC_KEY),
      template({ ...key, bits: material.length * 8 }),
      structure(ADMIN_TAG.symmetricKey, [block]),
    ];
    const uid = await this.#ask(OPERATION.register, payload);
    await this.activate(uid);
    return uid;
  }

  async activate(uid: string): Promise<void> {
    await this.#ask(OPERATION.activate, [text(TAG.uniqueIdentifier, uid)]);
  }

  async deactivate(uid: string): Promise<void> {
    await this.#revoke(uid, REVOCATION.cessationOfOperation);
  }

  async compromise(uid: string): Promise<void> {
    await this.#revoke(uid, REVOCATION.keyCompromise);
  }

  async destroy(uid: string): Promise<void> {
    await this.#ask(OPERATION.destroy, [text(TAG.uniqueIdentifier, uid)]);
  }

  async stateOf(uid: string): Promise<string | undefined> {
    const { state = 0 } = await this.server.ask(factsOperation(uid), CALL);
    return STATE_NAMES.get(state);
  }

  close(): void {
    this.server.close();
  }

  async #revoke(uid: string, code: number): Promise<void> {
    const reason = structure(ADMIN_TAG.revocationReason, [enumeration(ADMIN_TAG.revocationReasonCode, code)]);
    await this.#ask(OPERATION.revoke, [text(TAG.uniqueIdentifier, uid), reason]);
  }

  /** All of them answer with a Unique Identifier. */
  async #ask(code: number, payload: readonly TtlvItem[]): Promise<string> {
    const operation: KmipOperation<string> = {
      code,
      payload,
      read: (reply) => required(reply, TAG.uniqueIdentifier, 'text').value,
    };
    return this.server.ask(operation, CALL);
  }
}

function template({ name = `key-${randomUUID()}`, bits = 256, usageMask = 0x0c, policy = 'keyside' }: NewKey): TtlvItem {
  const nameValue = structure(TAG.attributeValue, [
    text(TAG.nameValue, name),
    enumeration(TAG.nameType, NAME_UNINTERPRETED_TEXT),
  ]);
  return structure(ADMIN_TAG.templateAttribute, [
    attribute('Cryptographic Algorithm', enumeration(TAG.attributeValue, ALGORITHM_AES)),
    attribute('Cryptographic Length', integer(TAG.attributeValue, bits)),
    attribute('Cryptographic Usage Mask', integer(TAG.attributeValue, usageMask)),
    attribute('Name', nameValue),
    attribute('Operation Policy Name', text(TAG.attributeValue, policy)),
  ]);
}

function attribute(name: string, value: TtlvItem): TtlvItem {
  return structure(TAG.attribute, [text(TAG.attributeName, name), value]);
}
