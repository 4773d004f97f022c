import { KeysideError } from '../../../src/core/errors.ts';
import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits } from '../../../src/kms/guard.ts';
import { type Metrics, NO_TELEMETRY, type Span } from '../../../src/telemetry/telemetry.ts';
import { contextOf } from '../../contract/kms-calls.ts';
import { type FakeFault, FakeKms } from '../../fakes/fake-kms.ts';
import { FakeTimer } from '../../fakes/kms-timer.ts';
import { FakeKmsWatch } from '../../fakes/kms-watch.ts';

export const CONTEXT = contextOf();
export const THROTTLED: FakeFault = { kind: 'throttled' };
export const UNREACHABLE: FakeFault = { kind: 'unreachable' };
export const HANGS: FakeFault = { kind: 'hangs' };

interface Setup {
  readonly kms: FakeKms;
  readonly timer: FakeTimer;
  readonly guard: Guard;
  readonly metrics: Metrics;
  readonly watch: FakeKmsWatch;
  /** What metrics and spans heard, in order: `retry KMS_THROTTLED`, `wrap 1 OK`, … */
  readonly heard: string[];
  readonly scope: { readonly signal: AbortSignal; readonly span: Span };
  readonly caller: AbortController;
}

export function setup(limits: Partial<GuardLimits> = {}, generates = true): Setup {
  const kms = new FakeKms();
  kms.createKey('main');
  const timer = new FakeTimer();
  const heard: string[] = [];
  const metrics = {
    ...NO_TELEMETRY.metrics,
    kmsCallEnded: (measure: { operation: string; outcome: string; durationMs: number; tenantId: string | undefined }) =>
      heard.push(`${measure.operation} ${measure.outcome} ${measure.durationMs} ms for ${measure.tenantId}`),
    kmsCallRetried: (provider: string, reason: string) => heard.push(`retry ${provider} ${reason}`),
    kmsCallHedged: (provider: string) => heard.push(`hedge ${provider}`),
  };
  const watch = new FakeKmsWatch();
  const tools = { timer, metrics, random: () => 0.5, watch };
  const key = kms.open('main', { generates });
  const guard = new Guard({ id: 'acme-main', provider: 'aws', key }, tools, { ...DEFAULT_GUARD_LIMITS, ...limits });
  const caller = new AbortController();
  return { kms, timer, guard, metrics, watch, heard, caller, scope: { signal: caller.signal, span: recordingSpan(heard) } };
}

function recordingSpan(heard: string[], name = ''): Span {
  return {
    traceId: undefined,
    set: () => undefined,
    child: (childName, attributes = {}) => recordingSpan(heard, `${childName} ${JSON.stringify(attributes)}`),
    end: (error) => heard.push(`span ${name} ${error instanceof KeysideError ? error.reason : 'OK'}`),
  };
}

export const generate = ({ guard, scope }: Setup) => guard.generate(CONTEXT, scope);
export const reasonsOf = (heard: readonly string[]) => heard.filter((line) => !line.startsWith('span'));
