import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Context, context, createTraceState, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import { connected } from './fake-daemon.ts';

const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: Uint8Array.of(7) }).finish();
const SPAN = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };

describe("the caller's trace context", () => {
  let active: Context = ROOT_CONTEXT;

  before(() => {
    context.setGlobalContextManager({
      active: () => active,
      with: (_context, work, ..._rest) => (work as unknown as () => never)(),
      bind: (_context, target) => target,
      enable: () => context.active() as never,
      disable: () => context.active() as never,
    });
  });
  after(() => context.disable());

  const cases = [
    { name: 'goes along', span: SPAN, want: [`00-${SPAN.traceId}-${SPAN.spanId}-01`, undefined] },
    {
      name: 'goes along with its state',
      span: { ...SPAN, traceFlags: 0, traceState: createTraceState('vendor=a,other=b') },
      want: [`00-${SPAN.traceId}-${SPAN.spanId}-00`, 'vendor=a,other=b'],
    },
    { name: 'is left out where it is not valid', span: { ...SPAN, spanId: '0000000000000000' }, want: [undefined, undefined] },
  ];
  for (const { name, span, want } of cases) {
    it(`${name}, baggage never`, async (t) => {
      const { client, daemon } = await connected(t, [ENCRYPTED]);
      const baggage = propagation.createBaggage({ secret: { value: 'x' } });
      active = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, span), baggage);
      await client.encrypt({ a: 'b' }, { tenantId: 'acme' });
      active = ROOT_CONTEXT;
      const headers = daemon.calls[0]?.headers ?? {};
      assert.deepEqual([headers.traceparent, headers.tracestate, headers.baggage], [...want, undefined]);
    });
  }
});
