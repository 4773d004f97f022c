import { KeysideError } from '../../src/core/errors.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import type { GuardedKey, KeyDirectory, KmsCallScope } from '../../src/kms/guarded-key.ts';
import type { FakeTimer } from './kms-timer.ts';

/** What the KMS will say to the calls that are sent from now on. */
export type Mood = 'answers' | 'unreachable' | 'denies' | 'revoked';

export interface SentCall {
  /** The first byte of what was to be unwrapped. */
  readonly block: number;
  readonly sentAtMs: number;
  /** What became of it, and where in the order of all answers; undefined while it is in the air. */
  answer: { readonly mood: Mood | 'aborted'; readonly atMs: number } | undefined;
}

/**
 * One key whose every unwrap yields another data key: the number of the call, so that whoever got a data key shows which call
 * proved it. Latency passes on the fake timer. Models nothing but unwrapping.
 */
export class DatedKms implements KeyDirectory {
  readonly calls: SentCall[] = [];
  mood: Mood = 'answers';
  latencyMs = 0;
  readonly #timer: FakeTimer;

  constructor(timer: FakeTimer) {
    this.#timer = timer;
  }

  /** The number of the call that proved this data key. */
  static numberOf(dataKey: SecretBytes): number {
    return new DataView(dataKey.expose().buffer).getUint32(0);
  }

  key(): GuardedKey {
    const notModelled = (): never => {
      throw new Error('the dated KMS only unwraps');
    };
    return {
      provenByWrap: true,
      accepts: () => true,
      wrap: notModelled,
      generate: notModelled,
      describe: notModelled,
      unwrap: ({ wrapped }, scope) => this.#unwrap(wrapped.ciphertext[0] ?? 0, scope),
    };
  }

  #unwrap(block: number, { signal }: KmsCallScope): Promise<SecretBytes> {
    const { mood } = this;
    const number = this.calls.length;
    const call: SentCall = { block, sentAtMs: this.#timer.nowMs(), answer: undefined };
    this.calls.push(call);
    return new Promise((resolve, reject) => {
      const end = (how: Mood | 'aborted'): void => {
        cancel();
        signal.removeEventListener('abort', abort);
        call.answer = { mood: how, atMs: this.#timer.nowMs() };
      };
      const abort = (): void => {
        end('aborted');
        reject(new KeysideError('CANCELLED', 'nobody waits any more'));
      };
      const cancel = this.#timer.after(this.latencyMs, () => {
        end(mood);
        if (mood === 'answers') resolve(numbered(number));
        else reject(refusalOf(mood));
      });
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}

function numbered(number: number): SecretBytes {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return SecretBytes.own(bytes);
}

function refusalOf(mood: Exclude<Mood, 'answers'>): KeysideError {
  if (mood === 'unreachable') return new KeysideError('KMS_UNAVAILABLE', 'the dated KMS cannot be reached');
  if (mood === 'denies') return new KeysideError('KEY_ACCESS_DENIED', 'the dated KMS refuses');
  return new KeysideError('KEY_REVOKED', 'the key is disabled', { details: { scope: 'key' } });
}
