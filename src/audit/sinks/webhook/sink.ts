import { Buffer } from 'node:buffer';
import { hmacSha256 } from '../../../cipher/mac.ts';
import { failureOfStatus, type HttpAnswer, HttpPoster, retryAfterMs } from '../../http-post.ts';
import { readSecret } from '../../secret-file.ts';
import { type AuditSink, type RejectedRecord, SinkError, type SinkRecord } from '../../sink.ts';
import type { WebhookSinkSettings } from './config.ts';

const REQUEST_MS = 30_000;
const SECRET_PREFIX = 'whsec_';
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const LINE_FEED = Buffer.from('\n');

/**
 * Posts records as newline-delimited JSON, signed as Standard Webhooks 1.0 has it: `webhook-id` is the id of the first record, the
 * signature an HMAC-SHA256 over `id.timestamp.body`. Any answer of 200 to 299 says that all of them were taken.
 */
export class WebhookSink implements AuditSink {
  readonly kind = 'webhook';
  readonly limits = { maxRecords: 500, maxBytes: 512 * 1024, lingerMs: 500 };
  readonly #settings: WebhookSinkSettings;
  readonly #poster: HttpPoster;

  constructor(settings: WebhookSinkSettings) {
    this.#settings = settings;
    this.#poster = new HttpPoster({ url: settings.url, caFile: settings.caFile, timeoutMs: REQUEST_MS });
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const [first] = batch;
    if (first === undefined) return [];
    const body = Buffer.concat(batch.flatMap(({ line }) => [line, LINE_FEED]));
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const secrets = secretsOf(await readSecret(this.#settings.secretFile), this.#settings.secretFile);
    const answer = await this.#poster.post(body, {
      headers: {
        'content-type': 'application/x-ndjson',
        'webhook-id': first.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': secrets.map((secret) => `v1,${signature(secret, `${first.id}.${timestamp}.`, body)}`).join(' '),
      },
      signal,
    });
    if (answer.status < 200 || answer.status > 299) throw failureOf(answer);
    return [];
  }

  async close(): Promise<void> {
    this.#poster.close();
  }
}

function signature(secret: Uint8Array, head: string, body: Uint8Array): string {
  return Buffer.from(hmacSha256(secret, Buffer.from(head), body)).toString('base64');
}

/** @throws {SinkError} `misconfigured`, without the secret */
function secretsOf(text: string, file: string): readonly Uint8Array[] {
  return text.split(/\s+/).map((line) => {
    const bytes = Buffer.from(line.slice(SECRET_PREFIX.length), 'base64');
    const isSecret = line.startsWith(SECRET_PREFIX) && bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES;
    if (isSecret) return bytes;
    throw new SinkError(
      'misconfigured',
      `${file}: a secret is ${SECRET_PREFIX} and the base64 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes`,
    );
  });
}

function failureOf({ status, headers }: HttpAnswer): SinkError {
  const isRedirect = status >= 300 && status < 400;
  const failure = failureOfStatus(status);
  const retryAfter = retryAfterMs(headers);
  return new SinkError(failure, `the receiver answers ${status}${isRedirect ? ', a redirect, which is not followed' : ''}`, {
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
  });
}
