import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { cpuMs } from '../process-figures.ts';
import { startTarget } from '../target.ts';

const REQUESTS = 10_000;
/** In turns with the others, so that what else the machine does falls on all alike. */
const SLICES = 10;
/** Five times as often as by default. */
const EXPORT_EVERY_MS = 1_000;

export const traces: Benchmark = {
  figures: {
    trace_1pct: {
      what: 'calls of Encrypt per second of processor time with one trace in a hundred exported by OTLP / untraced',
      goal: { atLeast: 0.95 },
    },
    trace_off: {
      what: 'the same with traces switched on and the sampler `always_off`',
      goal: { atLeast: 0.99 },
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const endpoint = await collector(stack);
    const exporting = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_BSP_SCHEDULE_DELAY: String(EXPORT_EVERY_MS),
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
    };
    const untraced = await startTarget(stack);
    const off = await startTarget(stack, {}, { ...exporting, OTEL_TRACES_SAMPLER: 'always_off' });
    const sampler = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
    const sampled = await startTarget(stack, {}, { ...exporting, ...sampler });
    for (const target of [untraced, off, sampled]) await storedRequest(target);
    const load = { path: ENCRYPT, request: encryptRequest(), requests: Math.round((REQUESTS * share) / SLICES), inFlight: 64 };
    const targets = [untraced, off, sampled];
    return async () => {
      const before = targets.map(({ pid }) => cpuMs(pid));
      for (let slice = 0; slice < SLICES; slice += 1) {
        for (const target of targets) await post(target, { ...load, isPeer: target !== sampled });
      }
      // Exporting what was sampled counts too.
      await pause(2 * EXPORT_EVERY_MS);
      const [none, always, some] = targets.map(({ pid }, at) => cpuMs(pid) - (before[at] as number)) as [number, number, number];
      for (const target of targets) await target.assertAllOk();
      if (endpoint.exports() === 0) throw new Error('no trace was exported');
      return { trace_off: none / always, trace_1pct: none / some };
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
