import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { failureOfStatus, type HttpAnswer, HttpPoster, retryAfterMs } from '../../http-post.ts';
import { readSecret } from '../../secret-file.ts';
import { SinkError, type SinkRecord } from '../../sink.ts';
import type { OtlpSinkSettings } from './config.ts';

const REQUEST_MS = 30_000;
/** OpenTelemetry's number of the severity INFO. */
const INFO = 9;
const SCOPE = { name: 'keyside.audit' };

type LogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];

/** Speaks OTLP/HTTP: the messages are the OpenTelemetry project's own, the connection is ours, so that it can be aborted. */
export class OtlpLogsClient {
  readonly #settings: OtlpSinkSettings;
  readonly #poster: HttpPoster;
  readonly #resource: LogRecord['resource'];

  constructor(settings: OtlpSinkSettings, sidecar: string) {
    this.#settings = settings;
    this.#poster = new HttpPoster({ url: settings.url, caFile: settings.caFile, timeoutMs: REQUEST_MS });
    this.#resource = resourceFromAttributes({ 'service.name': 'keyside', 'service.instance.id': sidecar });
  }

  /**
   * Exports records as logs, the line being the body.
   * @returns how many the receiver did not take, and why; it does not say which
   * @throws {SinkError}
   */
  async export(
    records: readonly SinkRecord[],
    signal: AbortSignal,
  ): Promise<{ readonly rejected: number; readonly reason: string }> {
    const { tokenFile } = this.#settings;
    const body = ProtobufLogsSerializer.serializeRequest(records.map((record) => this.#logOf(record))) ?? new Uint8Array(0);
    const authorization = tokenFile === undefined ? {} : { authorization: `Bearer ${await readSecret(tokenFile)}` };
    const answer = await this.#poster.post(body, {
      headers: { 'content-type': 'application/x-protobuf', ...authorization },
      signal,
    });
    if (answer.status !== 200) throw failureOf(answer);
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(answer.body);
    return { rejected: Number(partialSuccess?.rejectedLogRecords ?? 0), reason: partialSuccess?.errorMessage ?? '' };
  }

  close(): void {
    this.#poster.close();
  }

  #logOf({ id, kind, tenantId, timeMs, line }: SinkRecord): LogRecord {
    const time: [number, number] = [Math.floor(timeMs / 1_000), (timeMs % 1_000) * 1_000_000];
    return {
      hrTime: time,
      hrTimeObserved: time,
      severityNumber: INFO,
      severityText: 'INFO',
      body: new TextDecoder().decode(line),
      eventName: `keyside.audit.${kind}`,
      resource: this.#resource,
      instrumentationScope: SCOPE,
      attributes: { 'log.record.uid': id, ...(tenantId === undefined ? {} : { 'keyside.tenant.id': tenantId }) },
      droppedAttributesCount: 0,
    };
  }
}

function failureOf({ status, headers }: HttpAnswer): SinkError {
  const retryAfter = retryAfterMs(headers);
  const failure = failureOfStatus(status);
  return new SinkError(failure, `the receiver answers ${status}`, {
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
  });
}
