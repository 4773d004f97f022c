import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { type ClientReadableStream, Metadata, type ServiceDefinition, status } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { RPC } from '../../fakes/api.ts';
import { Edge, type EdgeOptions, refusalOf, send } from '../../fakes/edge.ts';
import { settled } from '../../fakes/kms-timer.ts';

/** The health service's methods, under the names of its proto. */
const {
  Check: check,
  Watch: watch,
  List: list,
} = service as unknown as Record<'Check' | 'Watch' | 'List', ServiceDefinition[string]>;

function metadataOf(token?: string): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

function checkHealth(edge: Edge, name: string, token?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    edge.client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: name },
      metadataOf(token),
      (error, response) => (error === null ? resolve((response as { status: string }).status) : reject(error)),
    );
  });
}

/** What a watcher is told, and how its stream ended. */
class Watcher {
  readonly told: string[] = [];
  readonly stream: ClientReadableStream<{ status: string }>;
  readonly ended: Promise<number>;
  #isOver = false;

  constructor(edge: Edge, name: string, token?: string) {
    this.stream = edge.client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      watch.responseDeserialize,
      { service: name },
      metadataOf(token),
    );
    this.stream.on('data', (response: { status: string }) => this.told.push(response.status));
    this.ended = new Promise((resolve) => {
      this.stream.on('error', () => undefined);
      this.stream.on('status', ({ code }) => {
        this.#isOver = true;
        resolve(code);
      });
    });
  }

  /** What it was told, once that is so much or the stream has ended. */
  async heard(count: number): Promise<string[]> {
    while (this.told.length < count && !this.#isOver) await once(this.stream, 'data');
    return this.told;
  }
}

function startWithCallers(t: TestContext, options: EdgeOptions = {}): Promise<Edge> {
  const callers = new Callers(false);
  callers.setTokens([
    { digest: digestOfToken('of-acme'), caller: { id: 'a', tenants: new Set(['acme']), operations: new Set(['encrypt']) } },
    { digest: digestOfToken('of-globex'), caller: { id: 'g', tenants: new Set(['globex']), operations: 'all' } },
  ]);
  return Edge.start(t, { callers, ...options });
}

describe('health', () => {
  it("tells everybody how the daemon does, under '' and the services' names, whatever a customer's KMS does", async (t) => {
    const edge = await startWithCallers(t);
    edge.outcomes.record('acme', ['KMS_UNAVAILABLE']);
    for (const name of ['', 'keyside.v1.AuditService', 'keyside.v1.CryptoService', 'keyside.v1.KeyService']) {
      assert.equal(await checkHealth(edge, name), 'SERVING');
    }
    await edge.admission.drain();
    assert.equal(await checkHealth(edge, ''), 'NOT_SERVING');
  });

  it('lists the daemon and its services, and no tenant', async (t) => {
    const edge = await startWithCallers(t);
    edge.outcomes.record('acme', ['OK']);
    const statuses = await new Promise<object>((resolve, reject) => {
      edge.client.makeUnaryRequest(list.path, list.requestSerialize, list.responseDeserialize, {}, (error, response) =>
        error === null ? resolve((response as { statuses: object }).statuses) : reject(error),
      );
    });
    assert.deepEqual(Object.keys(statuses).toSorted(), [
      '',
      'keyside.v1.AuditService',
      'keyside.v1.CryptoService',
      'keyside.v1.KeyService',
    ]);
  });

  it("tells of a tenant's key what its last calls showed, and only callers of that tenant", async (t) => {
    const edge = await startWithCallers(t);
    assert.equal(await checkHealth(edge, 'tenant/acme', 'of-acme'), 'UNKNOWN');
    edge.outcomes.record('acme', ['OK']);
    assert.equal(await checkHealth(edge, 'tenant/acme', 'of-acme'), 'SERVING');
    assert.equal((await refusalOf(checkHealth(edge, 'tenant/acme'))).code, status.UNAUTHENTICATED);
    assert.equal((await refusalOf(checkHealth(edge, 'tenant/acme', 'guessed'))).code, status.UNAUTHENTICATED);
    const foreign = await refusalOf(checkHealth(edge, 'tenant/acme', 'of-globex'));
    const nobody = await refusalOf(checkHealth(edge, 'tenant/nobody', 'of-globex'));
    assert.deepEqual([foreign.code, nobody.code], [status.PERMISSION_DENIED, status.PERMISSION_DENIED]);
  });

  const unknown: { name: string; code: status }[] = [
    { name: 'another.Service', code: status.NOT_FOUND },
    { name: 'tenant', code: status.NOT_FOUND },
    { name: 'tenant/', code: status.INVALID_ARGUMENT },
    { name: 'tenant/a/b', code: status.INVALID_ARGUMENT },
  ];
  for (const { name, code } of unknown) {
    it(`knows no service ${name}`, async (t) => {
      const edge = await startWithCallers(t);
      assert.equal((await refusalOf(checkHealth(edge, name, 'of-acme'))).code, code);
    });
  }

  it('is what calls showed of the key: the outcome of crypto calls, of items of a batch, and of a probe', async (t) => {
    const edge = await Edge.start(t);
    const health = (): string => edge.outcomes.get('acme');
    const message = { tenantId: 'acme' };
    const document = { id: '', fields: new Map(), edek: new Uint8Array(), context: new Map() };
    await send(edge.client, RPC.listKeys, { message }).answer;
    await send(edge.client, RPC.dropKeys, { message }).answer;
    assert.equal(health(), 'UNKNOWN', 'listing and dropping show nothing');
    await send(edge.client, RPC.encrypt, { message }).answer;
    assert.equal(health(), 'SERVING');
    edge.world.kms.disable('acme-main');
    const { usable } = await send(edge.client, RPC.checkKey, { message }).answer;
    assert.deepEqual([usable, health()], [false, 'NOT_SERVING'], 'a probe that fails is an answer, and no good news');
    await send(edge.client, RPC.listKeys, { message }).answer;
    assert.equal(health(), 'NOT_SERVING');
    await send(edge.client, RPC.checkKey, { message: { ...message, keyId: 'acme-old' } }).answer;
    assert.equal(health(), 'NOT_SERVING', 'another key than the primary one says nothing');
    edge.world.kms.enable('acme-main');
    await send(edge.client, RPC.batchEncrypt, { message: { ...message, documents: [document] } }).answer;
    assert.equal(health(), 'SERVING');
    edge.world.kms.disable('acme-main');
    await send(edge.client, RPC.dropKeys, { message }).answer;
    await send(edge.client, RPC.batchEncrypt, { message: { ...message, documents: [document] } }).answer;
    assert.equal(health(), 'NOT_SERVING', 'the batch was answered, its documents were not encrypted');
    await refusalOf(send(edge.client, RPC.checkKey, { message: { ...message, keyId: 'nobodys' } }).answer);
    await refusalOf(send(edge.client, RPC.encrypt, { message: { tenantId: 'nobody' } }).answer);
    assert.equal(edge.outcomes.get('nobody'), 'UNKNOWN');
  });

  it('is told to watchers at each change, and to nobody else than callers of the tenant', async (t) => {
    const edge = await startWithCallers(t);
    const watcher = new Watcher(edge, 'tenant/acme', 'of-acme');
    assert.deepEqual(await watcher.heard(1), ['UNKNOWN']);
    edge.outcomes.record('acme', ['OK']);
    await watcher.heard(2);
    edge.outcomes.record('acme', ['OK']);
    edge.outcomes.record('acme', ['KEY_REVOKED']);
    assert.deepEqual(await watcher.heard(3), ['UNKNOWN', 'SERVING', 'NOT_SERVING']);
    const foreign = new Watcher(edge, 'tenant/acme', 'of-globex');
    assert.equal(await foreign.ended, status.PERMISSION_DENIED);
    assert.deepEqual(foreign.told, []);
    watcher.stream.cancel();
    assert.equal(await watcher.ended, status.CANCELLED);
  });

  it('tells watchers of an unknown service so, and keeps them', async (t) => {
    const edge = await Edge.start(t);
    const watcher = new Watcher(edge, 'another.Service');
    assert.deepEqual(await watcher.heard(1), ['SERVICE_UNKNOWN']);
    watcher.stream.cancel();
  });

  it('tells watchers that the daemon drains, and ends their streams', async (t) => {
    const edge = await Edge.start(t);
    const watchers = [new Watcher(edge, ''), new Watcher(edge, 'tenant/acme')];
    for (const watcher of watchers) await watcher.heard(1);
    await edge.drain();
    assert.deepEqual(await Promise.all(watchers.map(({ ended }) => ended)), [status.OK, status.OK]);
    assert.deepEqual(
      watchers.map(({ told }) => told),
      [
        ['SERVING', 'NOT_SERVING'],
        ['UNKNOWN', 'NOT_SERVING'],
      ],
    );
  });

  it('keeps no more than 100 watchers, and takes a new one when one has left', async (t) => {
    const edge = await Edge.start(t);
    const watchers = Array.from({ length: 100 }, () => new Watcher(edge, ''));
    await Promise.all(watchers.map((watcher) => watcher.heard(1)));
    assert.equal(await new Watcher(edge, '').ended, status.RESOURCE_EXHAUSTED);
    watchers[0]?.stream.cancel();
    await watchers[0]?.ended;
    let next: string[] = [];
    for (let tries = 0; tries < 50 && next.length === 0; tries++) {
      const watcher = new Watcher(edge, '');
      await Promise.race([watcher.ended, watcher.heard(1).catch(() => undefined)]);
      next = watcher.told;
    }
    assert.deepEqual(next, ['SERVING']);
  });

  it('gathers no changes for a watcher that does not read: it is told the last', async (t) => {
    const edge = await Edge.start(t);
    const watcher = new Watcher(edge, 'tenant/acme');
    await watcher.heard(1);
    for (let at = 0; at < 20_001; at++) edge.outcomes.record('acme', [at % 2 === 0 ? 'OK' : 'KEY_REVOKED']);
    const before = watcher.told.length;
    while (watcher.told.at(-1) !== 'SERVING' || watcher.told.length === before) await settled();
    for (let turns = 0; turns < 20; turns++) await settled();
    assert.ok(watcher.told.length < 1_000, `${watcher.told.length} changes were kept`);
    assert.equal(watcher.told.at(-1), 'SERVING');
  });
});
