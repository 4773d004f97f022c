import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedTokens } from '../../../../src/kms/azure/shared-tokens.ts';

interface Options {
  readonly abortSignal?: AbortSignal;
  readonly tenantId?: string;
  readonly claims?: string;
}

describe('tokens that are shared', () => {
  function world() {
    const asked: object[] = [];
    const flights: PromiseWithResolvers<string>[] = [];
    const tokens = new SharedTokens<Options, string>((scopes, options) => {
      asked.push({ scopes, ...options });
      const flight = Promise.withResolvers<string>();
      flights.push(flight);
      return flight.promise;
    });
    return { tokens, asked, flights };
  }

  it('are asked for once while they are on their way, and anew afterwards', async () => {
    const { tokens, asked, flights } = world();
    const both = Promise.all([tokens.getToken('s', {}), tokens.getToken('s', {})]);
    flights[0]?.resolve('one');
    assert.deepEqual(await both, ['one', 'one']);
    const next = tokens.getToken('s', {});
    flights[1]?.resolve('two');
    assert.equal(await next, 'two');
    assert.equal(asked.length, 2);
  });

  it('are told apart by scope, tenant and claims', () => {
    const { tokens, asked } = world();
    const wishes: readonly [string, Options][] = [
      ['s', {}],
      ['other', {}],
      ['s', { tenantId: 't' }],
      ['s', { claims: 'c' }],
      ['s', { tenantId: 't' }],
    ];
    for (const [scopes, options] of wishes) void tokens.getToken(scopes, options);
    assert.equal(asked.length, 4);
  });

  it('leave a caller who gives up to himself, and the request to the others', async () => {
    const { tokens, asked, flights } = world();
    const caller = new AbortController();
    const given = tokens.getToken('s', { abortSignal: caller.signal });
    const patient = tokens.getToken('s', {});
    caller.abort();
    await assert.rejects(given, { name: 'AbortError' });
    flights[0]?.resolve('one');
    assert.equal(await patient, 'one');
    assert.deepEqual(asked, [{ scopes: 's' }]);
  });

  it('keep nobody who is gone already', async () => {
    const { tokens } = world();
    await assert.rejects(tokens.getToken('s', { abortSignal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('that could not be had are asked for again', async () => {
    const { tokens, flights } = world();
    const first = tokens.getToken('s', {});
    flights[0]?.reject(new Error('no'));
    await assert.rejects(first, /no/);
    const second = tokens.getToken('s', {});
    flights[1]?.resolve('yes');
    assert.equal(await second, 'yes');
  });
});
