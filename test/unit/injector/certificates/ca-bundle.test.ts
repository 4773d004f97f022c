import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { Authority } from '../../../../src/injector/certificates/authority.ts';
import { CaBundle } from '../../../../src/injector/certificates/ca-bundle.ts';
import { ClusterObjects } from '../../../fakes/cluster-objects.ts';
import { NAMESPACE, SERVICE, WEBHOOK_PATH, webhook, webhookConfiguration } from './samples.ts';

const PLACE = { webhookConfiguration: 'injector', namespace: NAMESPACE, service: SERVICE };
const [first, second] = [1, 2].map(() => Authority.make({ nowMs: Date.now(), lifetimeMs: 86_400_000 }).pair.certificate) as [
  string,
  string,
];
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function bundles(cluster: ClusterObjects): unknown[] {
  const { webhooks } = cluster.peek(WEBHOOK_PATH) as { webhooks: { clientConfig: { caBundle?: string } }[] };
  return webhooks.map(({ clientConfig }) => clientConfig.caBundle);
}

function setUp(...webhooks: readonly object[]): { cluster: ClusterObjects; bundle: CaBundle } {
  const cluster = new ClusterObjects();
  cluster.put(WEBHOOK_PATH, webhookConfiguration(...webhooks));
  return { cluster, bundle: new CaBundle(cluster, PLACE) };
}

describe('the caBundle', () => {
  it('is written into every webhook of the Service, and into no other', async () => {
    const { cluster, bundle } = setUp(webhook(), webhook('other', base64('theirs')), webhook(SERVICE, base64(second)));
    const published = await bundle.publish(await bundle.read(), first + second);
    assert.deepEqual(bundles(cluster), [base64(first + second), base64('theirs'), base64(first + second)]);
    assert.deepEqual(
      published.authorities.map((each) => each.toString()),
      [first, second],
    );
  });

  it('is not written where it is right already', async () => {
    const { cluster, bundle } = setUp(webhook(SERVICE, base64(first)));
    const published = await bundle.read();
    assert.equal(await bundle.publish(published, first), published);
    assert.deepEqual(cluster.writes, []);
  });

  it('is not written over a change that came in between', async () => {
    const { cluster, bundle } = setUp(webhook());
    const published = await bundle.read();
    cluster.put(WEBHOOK_PATH, webhookConfiguration(webhook('new'), webhook()));
    await assert.rejects(bundle.publish(published, first), { failure: 'conflict' });
    assert.deepEqual(bundles(cluster), [undefined, undefined]);
  });

  it('counts an authority as published where every webhook has it', async () => {
    const { bundle } = setUp(webhook(SERVICE, base64(first + second)), webhook(SERVICE, base64(second)));
    assert.deepEqual(
      (await bundle.read()).authorities.map((each) => each.toString()),
      [second],
    );
  });

  it('holds nothing where it is no bundle', async () => {
    for (const text of ['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
      const { bundle } = setUp(webhook(SERVICE, base64(text)));
      assert.deepEqual((await bundle.read()).authorities, [], text);
    }
  });

  it('needs a webhook of the Service', async () => {
    const { bundle } = setUp(webhook('other'));
    await assert.rejects(
      bundle.read(),
      /^Error: the webhook configuration injector has no webhook of the service keyside\/injector$/,
    );
  });
});
