import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertAllowed, type Caller, Callers, digestOfToken, type Operation } from '../../../src/rpc/callers.ts';
import { refused } from '../../fakes/refused.ts';

function callerOf(change: Partial<Caller> = {}): Caller {
  return { id: 'billing', tenants: new Set(['acme']), operations: new Set(['encrypt', 'decrypt']), ...change };
}

describe('who calls', () => {
  const billing = callerOf();
  const callers = new Callers(false);
  callers.setTokens([{ digest: digestOfToken('token-of-billing'), caller: billing }]);

  it('is known by the bearer token, however the scheme is written', () => {
    for (const header of ['Bearer token-of-billing', 'bearer token-of-billing', 'BEARER   token-of-billing']) {
      assert.equal(callers.authenticate(header), billing);
    }
  });

  const unknown: { name: string; input: string | undefined }[] = [
    { name: 'no header', input: undefined },
    { name: 'an empty header', input: '' },
    { name: 'no token', input: 'Bearer ' },
    { name: 'another scheme', input: 'Basic token-of-billing' },
    { name: 'the token alone', input: 'token-of-billing' },
    { name: 'another token', input: 'Bearer token-of-billings' },
    { name: 'a part of the token', input: 'Bearer token-of-billin' },
    { name: 'the token and more', input: 'Bearer token-of-billing x' },
    { name: 'a name that objects have by nature', input: 'Bearer __proto__' },
  ];
  for (const { name, input } of unknown) {
    it(`is not known by ${name}`, async () => {
      const { message } = await refused(() => callers.authenticate(input), 'CALLER_UNAUTHENTICATED');
      assert.ok(!message.includes('token-of'), 'a token is never repeated');
    });
  }

  it('is known by the new tokens alone once they are replaced', async () => {
    const changing = new Callers(false);
    changing.setTokens([{ digest: digestOfToken('old'), caller: billing }]);
    changing.setTokens([{ digest: digestOfToken('new'), caller: billing }]);
    assert.equal(changing.authenticate('Bearer new'), billing);
    await refused(() => changing.authenticate('Bearer old'), 'CALLER_UNAUTHENTICATED');
    changing.setTokens([]);
    await refused(() => changing.authenticate('Bearer new'), 'CALLER_UNAUTHENTICATED');
    await refused(() => changing.authenticate(undefined), 'CALLER_UNAUTHENTICATED');
  });

  it('is never chance: two callers with one token are refused, and the tokens stay as they were', () => {
    const other = callerOf({ id: 'reports' });
    const same = [billing, other].map((caller) => ({ digest: digestOfToken('same'), caller }));
    assert.throws(() => callers.setTokens(same), { message: 'callers billing and reports have the same token' });
    assert.equal(callers.authenticate('Bearer token-of-billing'), billing);
  });

  it('is anonymous, and may do everything, where no callers are configured', () => {
    const caller = new Callers(true).authenticate('Bearer whatever');
    assert.equal(caller.id, 'anonymous');
    for (const operation of ['encrypt', 'rewrap-target', 'drop-keys', 'health'] as const)
      assertAllowed(caller, operation, 'acme');
  });
});

describe('what a caller may', () => {
  const cases: { name: string; caller: Caller; operation: Operation; tenant: string; want: boolean }[] = [
    { name: 'its operation for its tenant', caller: callerOf(), operation: 'encrypt', tenant: 'acme', want: true },
    { name: 'its operation for another tenant', caller: callerOf(), operation: 'encrypt', tenant: 'globex', want: false },
    { name: 'another operation for its tenant', caller: callerOf(), operation: 'rewrap', tenant: 'acme', want: false },
    {
      name: 'all operations for its tenant',
      caller: callerOf({ operations: 'all' }),
      operation: 'drop-keys',
      tenant: 'acme',
      want: true,
    },
    {
      name: 'all operations for another tenant',
      caller: callerOf({ operations: 'all' }),
      operation: 'encrypt',
      tenant: 'globex',
      want: false,
    },
    {
      name: 'its operation for all tenants',
      caller: callerOf({ tenants: 'all' }),
      operation: 'encrypt',
      tenant: 'globex',
      want: true,
    },
    {
      name: 'another operation for all tenants',
      caller: callerOf({ tenants: 'all' }),
      operation: 'check-key',
      tenant: 'globex',
      want: false,
    },
    {
      name: 'choosing a target with rewrap alone',
      caller: callerOf({ operations: new Set(['rewrap']) }),
      operation: 'rewrap-target',
      tenant: 'acme',
      want: false,
    },
    {
      name: 'asking after the health of its tenant',
      caller: callerOf({ operations: new Set() }),
      operation: 'health',
      tenant: 'acme',
      want: true,
    },
    { name: 'asking after the health of another tenant', caller: callerOf(), operation: 'health', tenant: 'globex', want: false },
    {
      name: 'anything for what is named like all of them',
      caller: callerOf({ tenants: new Set(['*']) }),
      operation: 'encrypt',
      tenant: 'acme',
      want: false,
    },
  ];
  for (const { name, caller, operation, tenant, want } of cases) {
    it(`${want ? 'includes' : 'does not include'} ${name}`, async () => {
      if (want) return assertAllowed(caller, operation, tenant);
      const { details } = await refused(() => assertAllowed(caller, operation, tenant), 'CALLER_NOT_ALLOWED');
      assert.deepEqual(details, { callerId: 'billing', tenantId: tenant, operation });
    });
  }
});
