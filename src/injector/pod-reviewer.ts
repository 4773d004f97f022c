import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger, LogLevel } from '../telemetry/logger.ts';
import type { Metrics, PodOutcome } from '../telemetry/telemetry.ts';
import { answerFailure, answerReview, type ReviewRequest, readReview } from './admission-review.ts';
import { type Injection, injectPod } from './inject-pod.ts';
import type { InjectionSettings } from './settings.ts';
import type { WebhookAnswer } from './webhook-server.ts';

const OK = 200;
const BAD_REQUEST = 400;
const LEVELS: Readonly<Record<PodOutcome, LogLevel>> = {
  injected: 'info',
  'left-alone': 'info',
  refused: 'warn',
  unreadable: 'warn',
  failed: 'error',
};
/** An API server sends pods that ask for the sidecar, and for those it is told to: what else comes is none of the injector's. */
const NOT_NEW: Injection = { kind: 'left-alone', reason: 'it is no pod that is to be made', operations: [], warnings: [] };

export interface PodReviewerOptions {
  /** Asked for each pod: they may change while the injector runs. */
  readonly settings: () => InjectionSettings;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'podReviewed'>;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs?: () => number;
}

/** What was decided, and what the log says of it. */
interface Decided {
  readonly outcome: PodOutcome;
  readonly answer: WebhookAnswer;
  readonly fields: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Answers what API servers ask, with one line of the log and one measurement for each. Never throws. */
export class PodReviewer {
  readonly #options: PodReviewerOptions;
  readonly #nowMs: () => number;

  constructor(options: PodReviewerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** @param body what was posted: an AdmissionReview in JSON, or anything else */
  review(body: string): WebhookAnswer {
    const startMs = this.#nowMs();
    const { outcome, answer, fields } = this.#decide(body);
    const durationMs = this.#nowMs() - startMs;
    this.#options.metrics.podReviewed(outcome, durationMs);
    this.#options.logger.log(LEVELS[outcome], 'pod reviewed', {
      outcome,
      ...fields,
      durationMs: Math.round(durationMs * 100) / 100,
    });
    return answer;
  }

  #decide(body: string): Decided {
    const request = readReview(body);
    if ('fault' in request) {
      const answer = { status: BAD_REQUEST, contentType: 'text/plain; charset=utf-8', body: `${request.fault}\n` };
      return { outcome: 'unreadable', answer, fields: { reason: request.fault } };
    }
    const { uid, namespace, name, isDryRun } = request;
    const pod = { namespace, pod: name, uid, dryRun: isDryRun };
    try {
      const injection = this.#inject(request);
      return {
        outcome: outcomeOf(injection),
        answer: json(answerReview(uid, injection)),
        fields: { ...pod, ...tellingOf(injection) },
      };
    } catch (error) {
      return { outcome: 'failed', answer: json(answerFailure(uid)), fields: { ...pod, ...errorFields(error) } };
    }
  }

  #inject({ isNewPod, object }: ReviewRequest): Injection {
    return isNewPod ? injectPod(object, this.#options.settings()) : NOT_NEW;
  }
}

function outcomeOf({ kind }: Injection): PodOutcome {
  return kind === 'patch' ? 'injected' : kind;
}

function tellingOf(injection: Injection): Decided['fields'] {
  switch (injection.kind) {
    case 'patch':
      return { callers: injection.callers.join(','), changes: injection.operations.length, warnings: injection.warnings.length };
    case 'left-alone':
      return { reason: injection.reason };
    case 'refused':
      return { reason: injection.message };
  }
}

function json(body: string): WebhookAnswer {
  return { status: OK, contentType: 'application/json', body };
}
