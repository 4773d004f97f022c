import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerFailure, answerReview, cutWarnings, readReview } from '../../../src/injector/admission-review.ts';
import { applyJsonPatch } from '../../fakes/apply-json-patch.ts';

const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';
const PODS = { group: '', version: 'v1', resource: 'pods' };

function reviewOf(request: object): string {
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: UID, ...request } });
}

function read(request: object) {
  const found = readReview(reviewOf(request));
  assert.ok(!('fault' in found), JSON.stringify(found));
  return found;
}

describe('a question of an API server', () => {
  it('about a new pod is one', () => {
    const object = { metadata: { generateName: 'shop-' } };
    assert.deepEqual(read({ operation: 'CREATE', resource: PODS, namespace: 'shop', object, dryRun: true }), {
      uid: UID,
      isNewPod: true,
      isDryRun: true,
      namespace: 'shop',
      name: 'shop-…',
      object,
    });
  });

  it('about a pod with a name knows it', () => {
    assert.equal(read({ object: { metadata: { name: 'shop-1', generateName: 'shop-', namespace: 'other' } } }).name, 'shop-1');
    assert.equal(read({ name: 'shop-2', object: { metadata: {} } }).name, 'shop-2');
    assert.equal(read({ object: null }).name, '');
  });

  it('has names that are cut, however long they are', () => {
    const { name, namespace } = read({ namespace: 'n'.repeat(10_000), object: { metadata: { name: 'x'.repeat(10_000) } } });
    assert.deepEqual([name.length, namespace.length], [254, 254]);
    assert.equal(read({ object: { metadata: { generateName: 'x'.repeat(10_000) } } }).name.length, 255);
  });

  it("has the request's namespace, or else the pod's", () => {
    const object = { metadata: { namespace: 'b' } };
    assert.equal(read({ namespace: 'a', object }).namespace, 'a');
    assert.equal(read({ object }).namespace, 'b');
  });

  const others: readonly object[] = [
    { operation: 'UPDATE', resource: PODS },
    { operation: 'DELETE', resource: PODS },
    { operation: 'CONNECT', resource: PODS, subResource: 'exec' },
    { operation: 'CREATE', resource: PODS, subResource: 'binding' },
    { operation: 'UPDATE', resource: PODS, subResource: 'ephemeralcontainers' },
    { operation: 'CREATE', resource: { group: 'apps', version: 'v1', resource: 'deployments' } },
    { operation: 'CREATE', resource: { group: 'metrics.k8s.io', version: 'v1', resource: 'pods' } },
    { operation: 'CREATE' },
    {},
  ];
  for (const request of others) {
    it(`about something else is none: ${JSON.stringify(request)}`, () => assert.equal(read(request).isNewPod, false));
  }

  const unreadable: readonly { text: string; want: string }[] = [
    { text: '', want: 'the body is no JSON object' },
    { text: '{', want: 'the body is no JSON object' },
    { text: '[]', want: 'the body is no JSON object' },
    { text: `${'['.repeat(100_000)}${']'.repeat(100_000)}`, want: 'the body is no JSON object' },
    { text: '{}', want: 'only AdmissionReview of admission.k8s.io/v1 is understood' },
    {
      text: reviewOf({}).replace('k8s.io/v1', 'k8s.io/v1beta1'),
      want: 'only AdmissionReview of admission.k8s.io/v1 is understood',
    },
    {
      text: reviewOf({}).replace('AdmissionReview', 'Review'),
      want: 'only AdmissionReview of admission.k8s.io/v1 is understood',
    },
    { text: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}', want: 'request is missing' },
    { text: reviewOf({ uid: '' }), want: 'request.uid is no id' },
    { text: reviewOf({ uid: 7 }), want: 'request.uid is no id' },
    { text: reviewOf({ uid: 'x'.repeat(257) }), want: 'request.uid is no id' },
  ];
  for (const { text, want } of unreadable) {
    it(`cannot be read: ${text.slice(0, 60)}`, () => assert.deepEqual(readReview(text), { fault: want }));
  }
});

describe('the answer', () => {
  const envelope = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };

  it('carries the patch in base64, and the warnings', () => {
    const operations = [{ op: 'add', path: '/a', value: 'ä' }] as const;
    const answer = JSON.parse(answerReview(UID, { kind: 'patch', operations, warnings: ['look'], callers: ['app'] }));
    const { patch, ...response } = answer.response;
    assert.deepEqual(
      { ...answer, response },
      {
        ...envelope,
        response: { uid: UID, allowed: true, warnings: ['keyside: look'], patchType: 'JSONPatch' },
      },
    );
    assert.deepEqual(applyJsonPatch({}, JSON.parse(Buffer.from(patch, 'base64').toString())), { a: 'ä' });
  });

  it('has neither where there is nothing to do or say', () => {
    const want = { ...envelope, response: { uid: UID, allowed: true } };
    assert.deepEqual(JSON.parse(answerReview(UID, { kind: 'left-alone', reason: 'r', operations: [], warnings: [] })), want);
    assert.deepEqual(JSON.parse(answerReview(UID, { kind: 'patch', operations: [], warnings: [], callers: [] })), want);
  });

  it('refuses in words', () => {
    assert.deepEqual(JSON.parse(answerReview(UID, { kind: 'refused', message: 'no' })), {
      ...envelope,
      response: { uid: UID, allowed: false, status: { status: 'Failure', code: 422, reason: 'Invalid', message: 'no' } },
    });
  });

  it('refuses where the injector failed: the pod asked, and must not start without', () => {
    const { allowed, uid, status } = JSON.parse(answerFailure(UID)).response;
    assert.deepEqual([allowed, uid, status.code], [false, UID, 500]);
  });
});

describe('warnings', () => {
  it('are cut to 256 characters, and no character in two', () => {
    const [warning] = cutWarnings(['🔑'.repeat(300)]);
    assert.equal([...(warning ?? '')].length, 256);
    assert.ok(warning?.isWellFormed() && warning.endsWith('🔑…'));
    assert.equal(cutWarnings(['x'.repeat(247)])[0], `keyside: ${'x'.repeat(247)}`);
  });

  it('are at most 4,096 characters together', () => {
    assert.equal(cutWarnings(Array(100).fill('x'.repeat(1_000))).length, 16);
    assert.equal(cutWarnings(Array(1_000).fill('x')).length, 409);
  });

  it('have no control characters, which headers cannot carry', () => {
    assert.deepEqual(cutWarnings(['a\r\nb\u0000c\u0085d']), ['keyside: a  b c d']);
  });
});
