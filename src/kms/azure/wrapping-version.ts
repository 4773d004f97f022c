import type { Clock } from '../../core/clock.ts';
import { KeysideError } from '../../core/errors.ts';
import type { AzureKeyFacts } from './azure-kms.ts';
import type { Asked, AzureCalls } from './calls.ts';
import { revoked } from './confirmation.ts';
import { keysideError } from './errors.ts';
import { checkFacts } from './key-facts.ts';
import type { AzureTarget } from './target.ts';

/** How long a version is taken for the newest, and for enabled. */
const REMEMBERED_MS = 3 * 60_000;

interface VersionOptions {
  readonly id: string;
  readonly target: AzureTarget;
  readonly calls: AzureCalls;
  readonly clock: Clock;
}

/** Which version new data is wrapped under: the configured one, or the newest there is; asked for again after 3 minutes. */
export class WrappingVersion {
  readonly #options: VersionOptions;
  #known: { readonly version: string; readonly untilMs: number } | undefined;

  constructor(options: VersionOptions) {
    this.#options = options;
  }

  /** Undefined where it is to be asked for. */
  get remembered(): string | undefined {
    return this.#known !== undefined && this.#options.clock.nowMs() < this.#known.untilMs ? this.#known.version : undefined;
  }

  /** Has it asked for again, where it is this one. */
  forget(version: string): void {
    if (this.#known?.version === version) this.#known = undefined;
  }

  /**
   * Asks the vault. Azure lets a disabled key wrap, hence the look at its state.
   * @throws {KeysideError} KEY_REVOKED where it is disabled; KEY_MISCONFIGURED for a key that cannot wrap, or a version that reading
   * would not accept: better no data than data nobody can read
   */
  async resolve(asked: Asked): Promise<string> {
    const { id, target, calls, clock } = this.#options;
    const { keyName, keyVersion } = target;
    const make = (): Promise<AzureKeyFacts> => asked.vault.getKey({ keyName, version: keyVersion, signal: asked.signal });
    const facts = await calls.ask({ version: keyVersion, make }, asked);
    checkFacts(id, facts);
    if (!facts.isEnabled) throw await this.#disabled(facts.version, asked);
    if (!target.accepts(facts.version)) {
      const says = `its newest version, ${facts.version}, is not one that acceptedVersions lists`;
      throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: ${says}`);
    }
    this.#known = { version: facts.version, untilMs: clock.nowMs() + REMEMBERED_MS };
    return facts.version;
  }

  async #disabled(version: string, asked: Asked): Promise<KeysideError> {
    const { id, target } = this.#options;
    const failure = {
      reason: 'KEY_REVOKED',
      says: '',
      code: 'enabled: false',
      confirm: undefined,
      retryAfterMs: undefined,
    } as const;
    return keysideError(id, await revoked(failure, { ...asked, keyName: target.keyName, version }), undefined);
  }
}
