import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-node';
import type { Sampling } from '../telemetry/sampling.ts';
import type { SamplerName } from './otel-variables.ts';

/**
 * What `OTEL_TRACES_SAMPLER` and its argument, a share from 0 to 1, say. A trace that begins here is drawn by lot. Where a caller's trace
 * is judged anew, its id decides, as in every other service with the same share.
 */
export function samplingOf(name: SamplerName, share: number): Sampling {
  const [ofNew, followsCallers] = [shareOfNew(name, share), name.startsWith('parentbased_')];
  const byId = new TraceIdRatioBasedSampler(ofNew);
  const isDrawn = (traceId: string): boolean =>
    byId.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
  return {
    samplesNew: () => ofNew > 0 && Math.random() < ofNew,
    samplesCallers: followsCallers ? ({ isSampled }) => isSampled : ({ traceId }) => isDrawn(traceId),
  };
}

function shareOfNew(name: SamplerName, share: number): number {
  if (name.endsWith('always_on')) return 1;
  return name.endsWith('always_off') ? 0 : share;
}
