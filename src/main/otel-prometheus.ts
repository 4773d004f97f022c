import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Answers one GET or HEAD of `/metrics`. Never throws nor rejects. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A collection serves all scrapes of this long: the listener is open to the pod's network and must cost the daemon little. */
const REUSE_MS = 1000;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface PrometheusOptions {
  /** The metrics in Prometheus's text format. */
  readonly collect: () => Promise<string>;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

export function prometheusHandler({ collect, logger, nowMs = () => performance.now() }: PrometheusOptions): MetricsHandler {
  let collected: Promise<string> | undefined;
  let reusableUntilMs = Number.NEGATIVE_INFINITY;
  const text = (): Promise<string> => {
    if (collected === undefined || nowMs() >= reusableUntilMs) {
      reusableUntilMs = nowMs() + REUSE_MS;
      collected = collect();
    }
    return collected;
  };
  return (_request, response) => {
    text().then(
      (body) => response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(body),
      (error: unknown) => {
        logger.log('warn', 'metrics cannot be collected', { ...errorFields(error), reason: undefined });
        response.writeHead(500, { 'content-type': CONTENT_TYPE }).end('# metrics cannot be collected\n');
      },
    );
  };
}
