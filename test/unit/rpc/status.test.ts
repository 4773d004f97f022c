import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { type ErrorReason, KeysideError, REASONS } from '../../../src/core/errors.ts';
import { ErrorInfo, RetryInfo } from '../../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../../src/gen/google/rpc/status.ts';
import { toKeysideError, toServerError, toStatus } from '../../../src/rpc/status.ts';
import { CODES } from '../../fakes/refused.ts';

/** Where a retry helps, and after how long, as it is published. */
const RETRY_MS: Partial<Record<ErrorReason, number>> = {
  KMS_THROTTLED: 1_000,
  KMS_UNAVAILABLE: 1_000,
  KMS_TIMEOUT: 1_000,
  OVERLOADED: 250,
  DRAINING: 1_000,
  AUDIT_UNAVAILABLE: 1_000,
};

const DETAILS = { tenantId: 'acme', limitBytes: 3_145_728 };

function infoOf({ details }: Status): ErrorInfo {
  const info = details.find(({ typeUrl }) => typeUrl === 'type.googleapis.com/google.rpc.ErrorInfo');
  return ErrorInfo.decode(info?.value ?? assert.fail('there is an ErrorInfo'));
}

function retryOf({ details }: Status): { seconds: number; nanos: number } | undefined {
  const info = details.find(({ typeUrl }) => typeUrl === 'type.googleapis.com/google.rpc.RetryInfo');
  const delay = info && RetryInfo.decode(info.value).retryDelay;
  return delay && { seconds: Number(delay.seconds), nanos: delay.nanos };
}

describe('an error on its way to the caller', () => {
  for (const reason of Object.keys(REASONS) as ErrorReason[]) {
    it(`keeps its reason, code, details and time to wait: ${reason}`, () => {
      const sent = toStatus(new KeysideError(reason, 'what was wrong', { details: DETAILS }));
      assert.equal(sent.code, status[CODES[reason]]);
      assert.equal(sent.message, `${reason}: what was wrong`);
      const info = infoOf(sent);
      assert.deepEqual([info.reason, info.domain], [reason, 'keyside.dev']);
      assert.deepEqual(Object.fromEntries(info.metadata), { tenantId: 'acme', limitBytes: '3145728' });
      const ms = RETRY_MS[reason];
      assert.deepEqual(
        retryOf(sent),
        ms === undefined ? undefined : { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 },
      );
      assert.equal(sent.details.length, ms === undefined ? 1 : 2);
    });
  }

  const waits: { input: number; want: { seconds: number; nanos: number } }[] = [
    { input: 0, want: { seconds: 0, nanos: 0 } },
    { input: 1_500, want: { seconds: 1, nanos: 500_000_000 } },
    { input: 0.25, want: { seconds: 0, nanos: 250_000 } },
    { input: 999.999_999_9, want: { seconds: 1, nanos: 0 } },
    { input: 3_600_000, want: { seconds: 3_600, nanos: 0 } },
  ];
  for (const { input, want } of waits) {
    it(`says what the KMS asked to wait: ${input} ms`, () => {
      assert.deepEqual(retryOf(toStatus(new KeysideError('KMS_THROTTLED', 'slow down', { retryAfterMs: input }))), want);
    });
  }

  it('goes as a status whose details are the same message, in the trailer that clients read', () => {
    const sent = toServerError(new KeysideError('OVERLOADED', 'too much', { details: DETAILS }));
    assert.deepEqual([sent.code, sent.details], [status.RESOURCE_EXHAUSTED, 'OVERLOADED: too much']);
    const [trailer] = sent.metadata?.get('grpc-status-details-bin') ?? [];
    assert.ok(Buffer.isBuffer(trailer));
    const same = toStatus(new KeysideError('OVERLOADED', 'too much', { details: DETAILS }));
    assert.deepEqual(trailer, Buffer.from(Status.encode(same).finish()));
  });

  const faults: { name: string; input: unknown }[] = [
    { name: 'an error that is not ours', input: new TypeError('key 0xdeadbeef is not a function') },
    { name: 'INTERNAL of our own', input: new KeysideError('INTERNAL', 'key 0xdeadbeef', { details: { keyId: '0xdeadbeef' } }) },
    { name: 'what is no error at all', input: '0xdeadbeef' },
    { name: 'nothing', input: undefined },
  ];
  for (const { name, input } of faults) {
    it(`says nothing of ${name}, and keeps it as the cause for the log`, () => {
      const error = toKeysideError(input);
      assert.equal(error.reason, 'INTERNAL');
      assert.equal(error.cause, input);
      const sent = toStatus(error);
      assert.equal(sent.message, 'INTERNAL: the daemon failed; its log has the cause');
      assert.ok(!Buffer.from(Status.encode(sent).finish()).includes('0xdeadbeef'));
    });
  }

  it('is left as it is where it is one of ours', () => {
    const error = new KeysideError('KEY_REVOKED', 'the key is disabled');
    assert.equal(toKeysideError(error), error);
  });
});
