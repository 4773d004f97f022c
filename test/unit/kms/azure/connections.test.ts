import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AzureVault } from '../../../../src/kms/azure/azure-kms.ts';
import { AzureConnections } from '../../../../src/kms/azure/connections.ts';
import { targetOf } from '../../../../src/kms/azure/target.ts';
import { settingsFor } from './azure-samples.ts';

describe('connections to vaults', () => {
  const URL = 'https://127.0.0.1:8444';
  const connection = () => targetOf(settingsFor(URL)).connection;

  function world() {
    const opened: string[] = [];
    let failure: Error | undefined;
    const connections = new AzureConnections(async () => async ({ tenantId = '' }) => {
      opened.push(tenantId);
      if (failure !== undefined) throw failure;
      return {} as AzureVault;
    });
    const fail = (error: Error | undefined): void => {
      failure = error;
    };
    return { connections, opened, fail };
  }

  it('are shared by keys with the same vault and credentials, and let go with the last of them', async () => {
    const { connections, opened } = world();
    const [first, second] = [await connections.acquire(connection()), await connections.acquire(connection())];
    assert.equal(first, second);
    connections.release(connection());
    assert.equal(await connections.acquire(connection()), first);
    connections.release(connection());
    connections.release(connection());
    assert.notEqual(await connections.acquire(connection()), first);
    assert.equal(opened.length, 2);
  });

  const others = [
    { name: 'tenant', change: { tenantId: '99999999-2222-3333-4444-555555555555' } },
    { name: 'trusted certificate', change: { caFile: 'other.pem' } },
    { name: 'authority', change: { authorityHost: 'https://127.0.0.1:9' } },
    { name: 'source of credentials', change: { credentials: { source: 'ambient' } } },
  ];
  for (const { name, change } of others) {
    it(`are not shared with a key of another ${name}`, async () => {
      const { connections } = world();
      const first = await connections.acquire(connection());
      assert.notEqual(await connections.acquire(targetOf(settingsFor(URL, change)).connection), first);
    });
  }

  it('that failed are opened anew', async () => {
    const { connections, opened, fail } = world();
    fail(new Error('no file'));
    await Promise.all([
      assert.rejects(connections.acquire(connection()), /no file/),
      assert.rejects(connections.acquire(connection()), /no file/),
    ]);
    fail(undefined);
    await connections.acquire(connection());
    assert.equal(opened.length, 2);
  });
});
