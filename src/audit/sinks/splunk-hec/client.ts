import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { failureOfStatus, type HttpAnswer, HttpPoster, retryAfterMs } from '../../http-post.ts';
import { readSecret } from '../../secret-file.ts';
import { SinkError } from '../../sink.ts';
import type { SplunkHecSinkSettings } from './config.ts';

const EVENT_PATH = '/services/collector/event';
const ACK_PATH = '/services/collector/ack';
const REQUEST_MS = 30_000;

/** How long indexers may take to acknowledge, and how often they are asked, in milliseconds. */
export interface AckTimes {
  readonly timeoutMs: number;
  readonly intervalMs: number;
}

const ACK_TIMES: AckTimes = { timeoutMs: 120_000, intervalMs: 500 };

/** What the collector says beside its status. */
interface HecAnswer {
  readonly text?: unknown;
  readonly code?: unknown;
  readonly ackId?: unknown;
  readonly acks?: Readonly<Record<string, unknown>>;
}

/** Speaks the protocol of Splunk's HTTP Event Collector. */
export class SplunkHecClient {
  readonly #settings: SplunkHecSinkSettings;
  readonly #poster: HttpPoster;
  readonly #ackTimes: AckTimes;
  /** Acknowledgements are counted by channel: one for each run. */
  readonly #channel = randomUUID();

  constructor(settings: SplunkHecSinkSettings, ackTimes: AckTimes = ACK_TIMES) {
    this.#settings = settings;
    this.#poster = new HttpPoster({ url: settings.url, caFile: settings.caFile, timeoutMs: REQUEST_MS });
    this.#ackTimes = ackTimes;
  }

  /**
   * Sends events, and where the collector gives a number for that, waits until it says that they are indexed.
   * @throws {SinkError}
   */
  async send(events: Uint8Array, signal: AbortSignal): Promise<void> {
    const { ackId } = await this.#post(EVENT_PATH, events, signal);
    if (typeof ackId === 'number') await this.#acknowledged(ackId, signal);
  }

  close(): void {
    this.#poster.close();
  }

  async #acknowledged(ackId: number, signal: AbortSignal): Promise<void> {
    const endsAt = performance.now() + this.#ackTimes.timeoutMs;
    const question = Buffer.from(JSON.stringify({ acks: [ackId] }));
    while (performance.now() < endsAt) {
      const { acks } = await this.#post(ACK_PATH, question, signal);
      if (acks?.[String(ackId)] === true) return;
      await untilNextTime(this.#ackTimes.intervalMs, signal);
    }
    throw new SinkError('overloaded', `the events were not acknowledged within ${this.#ackTimes.timeoutMs} ms`);
  }

  async #post(path: string, body: Uint8Array, signal: AbortSignal): Promise<HecAnswer> {
    const answer = await this.#poster.post(body, {
      path: `${path}?channel=${this.#channel}`,
      headers: {
        authorization: `Splunk ${await readSecret(this.#settings.tokenFile)}`,
        'content-type': 'application/json',
        'x-splunk-request-channel': this.#channel,
      },
      signal,
    });
    const said = parse(answer.body.toString('utf8'));
    if (answer.status === 200) return said;
    throw failureOf(answer, said);
  }
}

async function untilNextTime(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(ms, undefined, { signal });
  } catch (cause) {
    throw new SinkError('unreachable', 'aborted while waiting for the acknowledgement', { cause });
  }
}

/** The collector's code of an index that there is not, or that the token may not write to. */
const INCORRECT_INDEX = 7;

function failureOf({ status, headers }: HttpAnswer, { text, code }: HecAnswer): SinkError {
  const byStatus = failureOfStatus(status);
  const failure = status === 400 && code === INCORRECT_INDEX ? 'misconfigured' : byStatus;
  const words = typeof text === 'string' ? ` ${text}` : '';
  const retryAfter = retryAfterMs(headers);
  return new SinkError(failure, `the collector answers ${status}${typeof code === 'number' ? ` (code ${code})` : ''}${words}`, {
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
  });
}

function parse(body: string): HecAnswer {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {}; // a proxy's page: the status says what there is to say
  }
}
