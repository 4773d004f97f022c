import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ErrorReason, KeysideError } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import { VAULT_ERRORS } from '../../../../src/kms/azure/error-table.ts';
import { failureOf, loadError } from '../../../../src/kms/azure/errors.ts';
import { azureProvider } from '../../../../src/kms/azure/provider.ts';
import { vaultError as sdkVaultError } from '../../../../src/kms/azure/sdk-errors.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import {
  CLIENT_SECRET,
  deletedBundle,
  keyBundle,
  NEWER,
  originKeys,
  result,
  settingsFor,
  VERSION,
  versionList,
} from './azure-samples.ts';
import { AzureStub, type StubAnswer, vaultError } from './azure-stub.ts';

const WRAPPED = { algorithm: 2, keyVersion: VERSION, ciphertext: Uint8Array.of(1) } as const;
const CONTEXT = contextOf();

describe('what Azure answers becomes a reason of ours:', () => {
  let stub: AzureStub;
  let key: KmsKey;

  before(async () => {
    stub = await AzureStub.start();
    key = azureProvider({ originKeys: originKeys() }).open(parseKeyConfigurationId('acme-main'), settingsFor(stub.url));
  });
  after(async () => {
    await key.close();
    await stub.stop();
  });
  beforeEach(() => stub.clear());

  const unwrap = () => guardOf(key, { maxAttempts: 1 }).unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  const wrap = async () => {
    using dataKey = SecretBytes.own(new Uint8Array(32));
    return await key.wrap({ dataKey, context: CONTEXT }, scope().signal);
  };
  const answers = (byOperation: Readonly<Record<string, StubAnswer>>) =>
    stub.answer(({ operation }) => byOperation[operation] ?? vaultError('Forbidden/ForbiddenByRbac', 'not you'));

  for (const [code, { reason, samples }] of VAULT_ERRORS) {
    const [status, message] = samples[code] ?? [0, ''];
    const outer = { 403: 'Forbidden/', 409: 'Conflict/', 429: 'Throttled/' }[status] ?? '';
    const wire = outer.startsWith(code) ? code : outer + code;

    it(`${wire} on wrapping is ${reason} as long as the vault confirms nothing`, async () => {
      answers({ key: keyBundle(), wrapkey: vaultError(wire, message, status) });
      stub.answer(confirmingNothing(stub, vaultError(wire, message, status)));
      const error = await rejects(wrap(), reason);
      assert.match(error.message, /^key acme-main: [^ ].*\(.+\)$/);
      assertTellsNothing(error);
    });

    const onUnwrap = code === 'BadParameter' ? 'CIPHERTEXT_REJECTED' : reason;
    it(`${wire} on unwrapping is ${onUnwrap} as long as the vault confirms nothing`, async () => {
      answers({ unwrapkey: vaultError(wire, message, status) });
      assertTellsNothing(await rejects(unwrap(), onUnwrap));
      assert.equal(stub.operations.filter((operation) => operation === 'unwrapkey').length, 1, 'nothing is asked twice');
    });
  }

  const byWords = [
    { message: 'Operation is not allowed on a disabled key.', reason: 'KEY_REVOKED' },
    { message: 'Operation unwrapKey is not permitted on an expired key.', reason: 'KEY_ACCESS_DENIED' },
    { message: 'Operation unwrapKey is not permitted on a key that is not yet valid.', reason: 'KEY_ACCESS_DENIED' },
    { message: 'Operation unwrapKey is not permitted on this key.', reason: 'KEY_MISCONFIGURED' },
  ] as const;
  for (const { message, reason } of byWords) {
    it(`a 403 without an inner code that says "${message}" is ${reason}`, async () => {
      answers({ unwrapkey: vaultError('Forbidden', message), key: keyBundle({ attributes: { enabled: false } }) });
      await rejects(unwrap(), reason);
    });
  }

  const disabled = vaultError('Forbidden/KeyDisabled', 'Operation unwrapKey is not allowed on a disabled key.');
  const gone = vaultError('KeyNotFound', 'A key with (name/id) keyside was not found in this key vault.', 404);
  const off = keyBundle({ attributes: { enabled: false } });
  const confirmations: readonly {
    readonly name: string;
    readonly answers: Readonly<Record<string, StubAnswer>>;
    readonly reason: ErrorReason;
    readonly scope?: string;
  }[] = [
    {
      name: 'a disabled version, with another that is enabled,',
      answers: { unwrapkey: disabled, key: off, versions: versionList({ [VERSION]: false, [NEWER]: true }) },
      reason: 'KEY_REVOKED',
      scope: 'version',
    },
    {
      name: 'a disabled version, with all others disabled,',
      answers: { unwrapkey: disabled, key: off, versions: versionList({ [VERSION]: false, [NEWER]: false }) },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
    {
      name: 'a disabled version whose others are not shown',
      answers: { unwrapkey: disabled, key: off },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
    {
      name: 'a disabled version that is not even shown because it is disabled',
      answers: { unwrapkey: disabled, key: disabled, versions: versionList({ [VERSION]: false }) },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
    {
      name: 'a version that is called disabled and shown enabled',
      answers: { unwrapkey: disabled, key: keyBundle() },
      reason: 'KEY_ACCESS_DENIED',
    },
    {
      name: 'a refusal without reason of a disabled key',
      answers: { unwrapkey: vaultError('Forbidden'), key: off },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
    {
      name: 'a refusal without reason of an enabled key',
      answers: { unwrapkey: vaultError('Forbidden'), key: keyBundle() },
      reason: 'KEY_ACCESS_DENIED',
    },
    {
      name: 'the firewall in front of a disabled key',
      answers: { unwrapkey: vaultError('Forbidden/ForbiddenByFirewall'), key: off },
      reason: 'KEY_ACCESS_DENIED',
    },
    {
      name: 'a missing key that was deleted',
      answers: { unwrapkey: gone, deletedkey: deletedBundle() },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
    { name: 'a missing key that is not deleted', answers: { unwrapkey: gone, deletedkey: gone }, reason: 'KEY_NOT_FOUND' },
    { name: 'a missing key whose deletion is not shown', answers: { unwrapkey: gone }, reason: 'KEY_NOT_FOUND' },
    {
      name: 'a missing key, with a vault that throttles the second question,',
      answers: { unwrapkey: gone, deletedkey: vaultError('Throttled', '', 429) },
      reason: 'KEY_NOT_FOUND',
    },
    {
      name: 'a key that is being deleted',
      answers: { unwrapkey: vaultError('Conflict/ObjectIsBeingDeleted', '', 409), deletedkey: deletedBundle() },
      reason: 'KEY_REVOKED',
      scope: 'key',
    },
  ];
  for (const { name, answers: given, reason, scope: want } of confirmations) {
    it(`${name} is ${reason}${want === undefined ? '' : ` of the ${want}`}`, async () => {
      answers(given);
      const error = await rejects(unwrap(), reason);
      assert.equal(error.details.scope, want);
    });
  }

  it('a key that is gone when it shall wrap is revoked where it was deleted, and not found where it was not', async () => {
    answers({ key: gone, deletedkey: deletedBundle() });
    await rejects(wrap(), 'KEY_REVOKED');
    answers({ key: gone, deletedkey: gone });
    await rejects(wrap(), 'KEY_NOT_FOUND');
  });

  const strange: readonly { readonly name: string; readonly answer: StubAnswer; readonly reason: ErrorReason }[] = [
    { name: 'a status 500', answer: vaultError('InternalServerError', '', 500), reason: 'KMS_UNAVAILABLE' },
    { name: 'a status 503 without a body, over which the SDK trips,', answer: { status: 503 }, reason: 'KMS_UNAVAILABLE' },
    { name: "a proxy's page with status 503", answer: { status: 503, body: '<html>busy</html>' }, reason: 'KMS_UNAVAILABLE' },
    { name: "a proxy's page with status 403", answer: { status: 403, body: '<html>no</html>' }, reason: 'KEY_ACCESS_DENIED' },
    { name: "a proxy's page with status 200", answer: { body: '<html>log in</html>' }, reason: 'KMS_UNAVAILABLE' },
    {
      name: 'a redirection to elsewhere',
      answer: { status: 307, headers: { location: 'https://127.0.0.1:1/' } },
      reason: 'KMS_UNAVAILABLE',
    },
    {
      name: 'a redirection to another key',
      answer: { status: 307, headers: { location: '/keys/other' } },
      reason: 'KMS_UNAVAILABLE',
    },
    { name: 'a status 429 without a body', answer: { status: 429 }, reason: 'KMS_THROTTLED' },
    { name: 'a code unknown to us with status 400', answer: vaultError('NewFault', '', 400), reason: 'KEY_MISCONFIGURED' },
    { name: 'a known refusal with status 503', answer: vaultError('Forbidden', '', 503), reason: 'KMS_UNAVAILABLE' },
    {
      name: 'text that is no JSON',
      answer: { headers: { 'content-type': 'application/json' }, body: '{' },
      reason: 'KMS_UNAVAILABLE',
    },
    { name: 'a connection that is dropped', answer: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'an empty data key', answer: result(''), reason: 'CIPHERTEXT_REJECTED' },
    { name: 'an answer without a data key', answer: result(undefined), reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a data key that is a number', answer: result(7), reason: 'CIPHERTEXT_REJECTED' },
    { name: 'a data key that is a list', answer: result([1, 2]), reason: 'CIPHERTEXT_REJECTED' },
  ];
  for (const { name, answer, reason } of strange) {
    it(`${name} is ${reason}`, async () => {
      answers({ unwrapkey: answer });
      assertTellsNothing(await rejects(unwrap(), reason));
      assert.equal(stub.operations.filter((operation) => operation === 'unwrapkey').length, 1, 'nothing is asked twice');
    });
  }

  const waits = [
    { name: '7', header: () => '7', wantMs: 7_000 },
    { name: 'a date in a minute', header: () => new Date(Date.now() + 60_000).toUTCString(), wantMs: 60_000 },
    { name: 'soon', header: () => 'soon', wantMs: 1_000 },
    { name: '0', header: () => '0', wantMs: 1_000 },
  ];
  for (const { name, header, wantMs } of waits) {
    it(`a Retry-After of "${name}" is handed on as ${wantMs} ms`, async () => {
      answers({ unwrapkey: { ...vaultError('Throttled', '', 429), headers: { 'retry-after': header() } } });
      const { retryAfterMs = 0 } = await rejects(unwrap(), 'KMS_THROTTLED');
      assert.ok(Math.abs(retryAfterMs - wantMs) < 2_000 && retryAfterMs > 0, `${retryAfterMs}`);
      if (wantMs < 60_000) assert.equal(retryAfterMs, wantMs);
    });
  }

  it('a vault that nobody answers at is weather', async () => {
    const away = await AzureStub.start();
    const elsewhere = azureProvider({ originKeys: originKeys() }).open(
      parseKeyConfigurationId('acme-main'),
      settingsFor(away.url),
    );
    await away.stop();
    await rejects(elsewhere.describe(scope().signal), 'KMS_UNAVAILABLE');
    await elsewhere.close();
  });

  const withoutAnswer: readonly { readonly name: string; readonly error: Error; readonly reason: ErrorReason }[] = [
    { name: 'a name that is not known', error: system('ENOTFOUND'), reason: 'KMS_UNAVAILABLE' },
    { name: 'a name server that does not answer', error: system('EAI_AGAIN'), reason: 'KMS_UNAVAILABLE' },
    { name: 'a broken pipe', error: system('EPIPE'), reason: 'KMS_UNAVAILABLE' },
    { name: 'a body that breaks off', error: system('ERR_STREAM_PREMATURE_CLOSE'), reason: 'KMS_UNAVAILABLE' },
    { name: 'a request that the SDK could not send', error: system('REQUEST_SEND_ERROR'), reason: 'KMS_UNAVAILABLE' },
    { name: 'time that is up', error: new DOMException('aborted', 'AbortError'), reason: 'KMS_TIMEOUT' },
    { name: 'a self-signed certificate', error: system('DEPTH_ZERO_SELF_SIGNED_CERT'), reason: 'KEY_MISCONFIGURED' },
    { name: 'a certificate of another host', error: system('ERR_TLS_CERT_ALTNAME_INVALID'), reason: 'KEY_MISCONFIGURED' },
    {
      name: 'a vault that wants a token of another service',
      error: new Error("The challenge resource 'management.azure.com' does not match the requested domain. Set …"),
      reason: 'KEY_MISCONFIGURED',
    },
  ];
  for (const { name, error, reason } of withoutAnswer) {
    it(`${name} is ${reason}`, () => assert.equal(failureOf(sdkVaultError(error, undefined)).reason, reason));
  }

  it('what is no error of Azure is a fault of ours', () => {
    assert.equal(failureOf(new TypeError('x is not a function')).reason, 'INTERNAL');
  });

  it('an SDK that is not installed is said in words', () => {
    const missing = Object.assign(new Error("Cannot find package '@azure/identity'"), { code: 'ERR_MODULE_NOT_FOUND' });
    assert.equal(loadError(missing).reason, 'KEY_MISCONFIGURED');
    assert.match(loadError(missing).message, /npm install @azure\/keyvault-keys @azure\/identity/);
    assert.equal(loadError(new SyntaxError('x')).reason, 'INTERNAL');
  });
});

function system(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** The key is sound, wrapping it fails, and nothing that would confirm why is to be had. */
function confirmingNothing(stub: AzureStub, refusal: StubAnswer): (request: { readonly operation: string }) => StubAnswer {
  return ({ operation }) => {
    if (operation === 'wrapkey') return refusal;
    const isFirst = stub.operations.filter((asked) => asked === 'key').length === 1 && !stub.operations.includes('wrapkey');
    return operation === 'key' && isFirst ? keyBundle() : vaultError('Forbidden/ForbiddenByRbac', 'not you');
  };
}

function assertTellsNothing(error: KeysideError): void {
  const chain: unknown[] = [error];
  for (let next = error.cause; next instanceof Error; next = next.cause)
    chain.push(next, ...(next instanceof AggregateError ? next.errors : []));
  for (const each of chain) {
    const text = `${String(each)} ${JSON.stringify(each)} ${JSON.stringify(Object.getOwnPropertyNames(each))}`;
    assert.ok(!text.includes(CLIENT_SECRET) && !text.includes('the.access.token'), text);
    assert.ok(
      !('request' in (each as object)),
      'no request travels with an error: it holds the token and what was to be wrapped',
    );
  }
}
