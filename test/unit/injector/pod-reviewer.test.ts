import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PodReviewer } from '../../../src/injector/pod-reviewer.ts';
import type { InjectionSettings } from '../../../src/injector/settings.ts';
import type { LogFields, LogLevel } from '../../../src/telemetry/logger.ts';
import { podOf, SETTINGS } from '../../fakes/pods.ts';
import { RecordedMetrics } from '../../fakes/recorded-metrics.ts';

function reviewer(settings: () => InjectionSettings = () => SETTINGS) {
  const lines: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const metrics = new RecordedMetrics();
  let now = 0;
  const nowMs = (): number => (now += 1.234_5);
  const logger = { log: (level: LogLevel, message: string, fields?: LogFields) => void lines.push({ level, message, fields }) };
  return { reviewer: new PodReviewer({ settings, logger, metrics, nowMs }), lines, metrics };
}

function review(object: unknown, more: object = {}): string {
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const request = { uid: 'u-1', operation: 'CREATE', resource, namespace: 'shop', object, ...more };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

const SEEN = { namespace: 'shop', pod: 'shop-7d4b9c-…', uid: 'u-1', dryRun: false, durationMs: 1.23 };

describe('for each question there is one line of the log and one measurement', () => {
  const cases = [
    {
      name: 'of a pod with its sidecar',
      body: review(podOf({}, { hostPID: true })),
      level: 'info',
      fields: { outcome: 'injected', ...SEEN, callers: 'app', changes: 7, warnings: 1 },
    },
    {
      name: 'of a pod that is left alone',
      body: review(podOf({ inject: 'false' })),
      level: 'info',
      fields: { outcome: 'left-alone', ...SEEN, reason: 'it does not ask' },
    },
    {
      name: 'of an object that is no new pod',
      body: review(podOf(), { operation: 'UPDATE', dryRun: true }),
      level: 'info',
      fields: { outcome: 'left-alone', ...SEEN, dryRun: true, reason: 'it is no pod that is to be made' },
    },
    {
      name: 'of a pod that is refused',
      body: review(podOf({ x: 'y' })),
      level: 'warn',
      fields: { outcome: 'refused', ...SEEN, reason: 'keyside cannot be added: keyside.dev/x is not known' },
    },
    {
      name: 'of what is no question',
      body: '{}',
      level: 'warn',
      fields: { outcome: 'unreadable', durationMs: 1.23, reason: 'only AdmissionReview of admission.k8s.io/v1 is understood' },
    },
  ];
  for (const { name, body, level, fields } of cases) {
    it(name, () => {
      const { reviewer: asked, lines, metrics } = reviewer();
      asked.review(body);
      assert.deepEqual(lines, [{ level, message: 'pod reviewed', fields }]);
      assert.deepEqual(
        metrics.pods.map(({ outcome }) => outcome),
        [fields.outcome],
      );
    });
  }

  it('of a failure of its own, which refuses the pod and does not say to whom it failed why', () => {
    const {
      reviewer: asked,
      lines,
      metrics,
    } = reviewer(() => {
      throw new Error('hunter2');
    });
    const answer = asked.review(review(podOf()));
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body).response.allowed, false);
    assert.doesNotMatch(answer.body, /hunter2/);
    assert.deepEqual([lines[0]?.level, lines[0]?.fields?.error, lines[0]?.fields?.pod], ['error', 'hunter2', SEEN.pod]);
    assert.equal(metrics.pods[0]?.outcome, 'failed');
  });
});

describe('an answer', () => {
  it("has the question's uid", () => {
    assert.equal(JSON.parse(reviewer().reviewer.review(review(podOf())).body).response.uid, 'u-1');
  });

  it('to what is no question is 400, in words', () => {
    const { status, contentType, body } = reviewer().reviewer.review('nonsense');
    assert.deepEqual([status, contentType, body], [400, 'text/plain; charset=utf-8', 'the body is no JSON object\n']);
  });

  it('follows the settings as they are then', () => {
    let image = 'a';
    const { reviewer: asked } = reviewer(() => ({ ...SETTINGS, image }));
    const patch = (): string => Buffer.from(JSON.parse(asked.review(review(podOf())).body).response.patch, 'base64').toString();
    assert.match(patch(), /"image":"a"/);
    image = 'b';
    assert.match(patch(), /"image":"b"/);
  });
});
