import type { DataKeyLookup } from '../telemetry/telemetry.ts';
import type { KeyUse } from './service.ts';

/** Hears how one data key is found. */
export class KeySource {
  #from: KeyUse['from'] = 'kms';

  get from(): KeyUse['from'] {
    return this.#from;
  }

  /** The last word counts: an outage may end what began as a miss. */
  readonly onLookup = (lookup: DataKeyLookup): void => {
    this.#from = lookup === 'hit' || lookup === 'outage' ? 'cache' : 'kms';
  };
}
