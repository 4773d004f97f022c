import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { pkcs11SettingsSchema } from '../../src/kms/pkcs11/config.ts';
import { pkcs11Provider } from '../../src/kms/pkcs11/provider.ts';
import { systemTimer } from '../../src/kms/timer.ts';
import type { ContractSetup, ContractSubject } from '../contract/kms-subject.ts';
import { ProxiedModule, type TestHsm } from './pkcs11-modules.ts';
import type { OwnedKey, TokenOfficer } from './pkcs11-officer.ts';
import type { Sealing } from './pkcs11-sealing.ts';

export const ORIGIN_KEY = SecretBytes.own(randomBytes(32));

/** Settings beyond where the key is. */
export type Settings = Readonly<Record<string, unknown>>;

/** CKR_KEY_FUNCTION_NOT_PERMITTED and CKR_SESSION_COUNT. */
const [FUNCTION_NOT_PERMITTED, SESSION_COUNT] = ['0x68', '0xb1'];

/** The functions that use a key. */
const USES = ['C_Encrypt', 'C_Decrypt', 'C_WrapKey', 'C_UnwrapKey'];

/** A provider as in the daemon. All keys of one share the module's process. */
export class Keyside {
  readonly #provider = pkcs11Provider({ timer: systemTimer(systemClock()), originKeys: [ORIGIN_KEY] });
  readonly #hsm: TestHsm;

  constructor(hsm: TestHsm) {
    this.#hsm = hsm;
  }

  open({ id, label }: Pick<OwnedKey, 'id' | 'label'>, settings: Settings = {}): KmsKey {
    const { module, initString, tokenLabel, pinFile } = this.#hsm;
    const where = { module, initString, pinFile, token: { label: tokenLabel }, key: { id, label } };
    return this.#provider.open(parseKeyConfigurationId('acme-main'), pkcs11SettingsSchema.parse({ ...where, ...settings }));
  }
}

export interface SubjectOptions {
  readonly hsm: TestHsm;
  readonly officer: TokenOfficer;
  readonly settings: Settings;
  readonly sealing: Sealing;
  /** What the module is to do otherwise than the one behind it. */
  readonly script?: readonly string[];
}

/** Subjects are two keys on the token; disabling takes away their rights. One process serves all of them, counted by a proxy. */
export async function contractOf(options: SubjectOptions): Promise<ContractSetup> {
  const { hsm, officer, script } = options;
  const proxied = await ProxiedModule.before(hsm, script);
  const shared = { keyside: new Keyside(hsm), proxied, keys: new KeyStock(options) };
  const keeper = shared.keyside.open(officer.createSecretKey(), { module: shared.proxied.module });
  after(() => keeper.close());
  return {
    open: () => subjectOf(options, shared),
    // The wrap of something that is no data key is unwrapped by the module itself.
    how: { garbage: 'real' },
    disabling: 'PKCS#11 has no disabled keys: CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP and CKA_UNWRAP set to false stand for it',
    notApplicable: {
      rotate: 'PKCS#11 knows no versions of a key: rotation is a configuration of its own and a rewrap',
      scheduleDeletion: 'PKCS#11 knows no such state: a key is there or destroyed',
    },
  };
}

interface Shared {
  readonly keyside: Keyside;
  readonly proxied: ProxiedModule;
  readonly keys: KeyStock;
}

/** Keys for one subject after another: making a key pair takes longer than most tests. */
class KeyStock {
  readonly #options: SubjectOptions;
  readonly #free: OwnedKey[] = [];

  constructor(options: SubjectOptions) {
    this.#options = options;
  }

  take(): OwnedKey {
    const { officer, sealing } = this.#options;
    return this.#free.pop() ?? (sealing.isRsa ? officer.createRsaKey() : officer.createSecretKey());
  }

  giveBack(key: OwnedKey): void {
    this.#options.officer.allow(key);
    this.#free.push(key);
  }
}

async function subjectOf(options: SubjectOptions, { keyside, proxied, keys }: Shared): Promise<ContractSubject> {
  const { hsm, officer, sealing, settings, script = [] } = options;
  const [main, other] = [keys.take(), keys.take()];
  const opened: KmsKey[] = [];
  let isGone = false;
  const keyOf = (key: Pick<OwnedKey, 'id' | 'label'>, change: Settings = {}): KmsKey => {
    opened.push(keyside.open(key, { module: proxied.module, ...settings, ...change }));
    return opened.at(-1) as KmsKey;
  };
  const answering = async (value: string): Promise<KmsKey> => {
    const lines = [...script, `C_Decrypt ${value}`, `C_UnwrapKey ${value}`];
    return keyOf(main, { module: (await ProxiedModule.before(hsm, lines)).module });
  };
  return {
    key: keyOf(main),
    otherKey: keyOf(other),
    unacceptedVersion: 'v1',
    ...(sealing.deterministic === undefined ? {} : { deterministic: sealing.deterministic }),
    disable: async () => officer.forbid(main),
    enable: async () => officer.allow(main),
    destroy: async () => {
      officer.destroy(main);
      isGone = true;
    },
    refused: async () => answering(FUNCTION_NOT_PERMITTED),
    throttled: async () => answering(SESSION_COUNT),
    missing: async () => keyOf({ id: randomBytes(8).toString('hex'), label: main.label }),
    unreachable: async () => keyOf(main, { module: (await ProxiedModule.before(hsm, ['C_GetSlotList none'])).module }),
    hanging: async () => {
      const hangs = await ProxiedModule.before(hsm, [...script, 'C_Decrypt hang', 'C_UnwrapKey hang']);
      return { key: keyOf(main, { module: hangs.module }), reached: () => hangs.reached('C_Decrypt', 'C_UnwrapKey') };
    },
    garbage: async (bytes) => {
      const wrapped = { algorithm: sealing.algorithm, keyVersion: '', ciphertext: sealing.garbage(main, bytes) };
      return { key: keyOf(main), wrapped };
    },
    calls: () => proxied.count(...USES),
    close: async () => {
      await Promise.all(opened.map((key) => key.close()));
      for (const key of isGone ? [other] : [main, other]) keys.giveBack(key);
    },
  };
}
