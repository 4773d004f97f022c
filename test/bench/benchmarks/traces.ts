import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { startTarget, type Target } from '../target.ts';

const REQUESTS = 10_000;

export const traces: Benchmark = {
  figures: {
    trace_1pct: {
      what: 'throughput of Encrypt with one trace in a hundred exported by OTLP / untraced',
      goal: { atLeast: 0.95 },
      shortfall:
        'Not profiled yet; every call, sampled or not, reads the trace header, draws an id and asks the SDK for its decision.',
    },
    trace_off: {
      what: 'the same with traces switched on and the sampler `always_off`',
      goal: { atLeast: 0.99 },
      shortfall:
        'Not profiled yet; every call, sampled or not, reads the trace header, draws an id and asks the SDK for its decision.',
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const endpoint = await collector(stack);
    const exporting = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_BSP_SCHEDULE_DELAY: '500',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
    };
    const untraced = await startTarget(stack);
    const off = await startTarget(stack, {}, { ...exporting, OTEL_TRACES_SAMPLER: 'always_off' });
    const sampler = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
    const sampled = await startTarget(stack, {}, { ...exporting, ...sampler });
    for (const target of [untraced, off, sampled]) await storedRequest(target);
    const requests = Math.round(REQUESTS * share);
    const rate = async (target: Target): Promise<number> => {
      const { perSecond } = await post(target, { path: ENCRYPT, request: encryptRequest(), requests, inFlight: 64 });
      await target.assertAllOk();
      return perSecond;
    };
    return async () => {
      const [none, always, some] = [await rate(untraced), await rate(off), await rate(sampled)];
      for (let waited = 0; endpoint.exports() === 0 && waited < 40; waited += 1) await pause(50);
      if (endpoint.exports() === 0) throw new Error('no trace was exported');
      return { trace_off: always / none, trace_1pct: some / none };
    };
  },
};

/** Takes what is exported and counts how often. */
async function collector(stack: AsyncDisposableStack): Promise<{ readonly url: string; exports(): number }> {
  let exports = 0;
  const server = createServer((request, response) => {
    exports += 1;
    request.resume().once('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, exports: () => exports };
}
