import { WRAP_ALGORITHMS, type WrapAlgorithm } from '../../core/providers.ts';
import type { Pkcs11Algorithm, Pkcs11Settings } from './config.ts';
import type { KeySelector, Method, TokenSelector } from './messages.ts';
import { PRESETS, type Preset } from './presets.ts';

/** Where a configuration leads, and how it wraps: all of it from the settings, nothing from stored data. */
export interface Pkcs11Target {
  readonly token: TokenSelector;
  readonly key: KeySelector;
  /** Wraps new data keys. */
  readonly algorithm: WrapAlgorithm;
  /** By the algorithm of a stored wrap; what is not in here is not accepted. */
  readonly methods: ReadonlyMap<WrapAlgorithm, Method>;
}

const ALGORITHMS = {
  'aes-gcm': WRAP_ALGORITHMS.aes256Gcm,
  'aes-kwp': WRAP_ALGORITHMS.aesKwp,
  'rsa-oaep': WRAP_ALGORITHMS.rsaOaep256,
} as const satisfies Record<Pkcs11Algorithm, WrapAlgorithm>;

export function targetOf(settings: Pkcs11Settings): Pkcs11Target {
  const { token, slot, key, keyClass, acceptedAlgorithms } = settings;
  const preset: Preset = PRESETS[settings.preset];
  const name = settings.algorithm ?? (keyClass === 'rsa' ? 'rsa-oaep' : preset.secretAlgorithm);
  const accepted = [name, ...acceptedAlgorithms];
  return {
    token: { ...token, slot },
    key: { keyClass, id: key.id?.toLowerCase(), label: key.label },
    algorithm: ALGORITHMS[name],
    methods: new Map(accepted.map((each) => [ALGORITHMS[each], methodOf(each, settings, preset)])),
  };
}

function methodOf(name: Pkcs11Algorithm, settings: Pkcs11Settings, preset: Preset): Method {
  const { mechanisms, ivPolicy, kwpCall, oaepHash: hash } = settings;
  switch (name) {
    case 'aes-gcm':
      return { name, mechanism: mechanisms.aesGcm ?? preset.aesGcm, ivPolicy: ivPolicy ?? preset.ivPolicy };
    case 'aes-kwp':
      return { name, mechanism: mechanisms.aesKwp ?? preset.aesKwp, call: kwpCall ?? preset.kwpCall };
    case 'rsa-oaep':
      return { name, mechanism: mechanisms.rsaOaep ?? preset.rsaOaep, hash };
  }
}
