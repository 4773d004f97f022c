import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from '../../../../clients/typescript/src/gen/google/rpc/error_details.ts';
import { Status } from '../../../../clients/typescript/src/gen/google/rpc/status.ts';
import { LogSecurityEventRequest, LogSecurityEventResponse } from '../../../../clients/typescript/src/gen/keyside/v1/audit.ts';
import {
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  RewrapResponse,
} from '../../../../clients/typescript/src/gen/keyside/v1/crypto.ts';
import { CheckKeyResponse, KeyConfigurationState } from '../../../../clients/typescript/src/gen/keyside/v1/key.ts';
import { KeysideClient, KeysideClientError, type KeysideClientOptions } from '../../../../clients/typescript/src/index.ts';
import { type Answer, FakeDaemon } from './fake-daemon.ts';

const ENCRYPT = '/keyside.v1.CryptoService/Encrypt';
const DECRYPT = '/keyside.v1.CryptoService/Decrypt';
const FIELDS = { ssn: Buffer.from('123') };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map([['ssn', Uint8Array.of(9)]]), edek: Uint8Array.of(7) }).finish();

async function connect(
  t: TestContext,
  { path = ENCRYPT, answer, ...options }: KeysideClientOptions & { path?: string; answer: Answer },
) {
  const daemon = new FakeDaemon(path, answer);
  t.after(() => daemon.stop());
  const client = new KeysideClient({ address: await daemon.address, ...options });
  t.after(() => client.close());
  return { client, daemon };
}

const any = (name: string, value: Uint8Array, prefix = 'type.googleapis.com') => ({
  typeUrl: `${prefix}/google.rpc.${name}`,
  value,
});

function errorInfo(reason: string, domain = 'keyside.dev') {
  return any('ErrorInfo', ErrorInfo.encode({ reason, domain, metadata: new Map([['keyId', 'acme-1']]) }).finish());
}

const facts = (error: unknown) => {
  assert.ok(error instanceof KeysideClientError, `threw ${error}`);
  const { message, reason, code, details, retryAfterMs } = error;
  return { message, reason, code, details: Object.fromEntries(details), retryAfterMs };
};

describe('the client', () => {
  it('reports an event of the application and gives the id of its record', async (t) => {
    const path = '/keyside.v1.AuditService/LogSecurityEvent';
    const { client, daemon } = await connect(t, { path, answer: LogSecurityEventResponse.encode({ recordId: 's-7' }).finish() });
    const occurredAt = new Date(1_790_000_000_123);
    const about = { tenantId: 'acme', requesterId: 'ada', attributes: { ticket: 'T-1' } };
    assert.equal(await client.logSecurityEvent({ event: 'USER_ADD', occurredAt, targetUserId: 'grace' }, about), 's-7');
    await client.logSecurityEvent({ event: 'CUSTOM_X', message: 'why' }, { tenantId: 'acme' });
    const [first, second] = daemon.calls.map(({ request }) => LogSecurityEventRequest.decode(request));
    assert.deepEqual(
      [first?.tenantId, first?.event, first?.occurredAt, first?.targetUserId, first?.metadata?.requesterId],
      ['acme', 'USER_ADD', occurredAt, 'grace', 'ada'],
    );
    assert.deepEqual(first?.metadata?.attributes, new Map([['ticket', 'T-1']]));
    assert.deepEqual([second?.event, second?.occurredAt, second?.message], ['CUSTOM_X', undefined, 'why']);
  });

  it('sends fields and metadata, whether they come as a Map or as an object', async (t) => {
    const { client, daemon } = await connect(t, { answer: ENCRYPTED });
    const document = await client.encrypt(FIELDS, { tenantId: 'acme', requesterId: 'me', context: { row: '1' } });
    await client.encrypt(new Map(Object.entries(FIELDS)), {
      tenantId: 'acme',
      requesterId: 'me',
      context: new Map([['row', '1']]),
    });
    assert.deepEqual([...document.fields.keys(), ...document.edek], ['ssn', 7]);
    const [first, second] = daemon.calls.map(({ request }) => EncryptRequest.decode(request));
    assert.deepEqual(first, second);
    assert.equal(first?.metadata?.requesterId, 'me');
    assert.deepEqual([...(first?.context ?? [])], [['row', '1']]);
  });

  it('loses no field name, __proto__ included', async (t) => {
    const fields = new Map([
      ['__proto__', Uint8Array.of(1)],
      ['', Uint8Array.of(2)],
    ]);
    const { client } = await connect(t, { path: DECRYPT, answer: DecryptResponse.encode({ fields }).finish() });
    const plain = await client.decrypt({ edek: new Uint8Array(), fields }, { tenantId: 'acme' });
    assert.deepEqual([...plain.keys()], ['__proto__', '']);
  });

  it('says whether a rewrap changed anything', async (t) => {
    const answer = RewrapResponse.encode({ edek: Uint8Array.of(1), keyId: 'acme-2', changed: true }).finish();
    const { client } = await connect(t, { path: '/keyside.v1.CryptoService/Rewrap', answer });
    const { keyId, isChanged } = await client.rewrap({ edek: Uint8Array.of(0) }, { tenantId: 'acme' });
    assert.deepEqual([keyId, isChanged], ['acme-2', true]);
  });

  it('tells why a probed key is not usable', async (t) => {
    const error = {
      code: status.FAILED_PRECONDITION,
      message: 'KEY_REVOKED: key acme-1 is disabled',
      details: [errorInfo('KEY_REVOKED')],
    };
    const key = {
      keyId: 'acme-1',
      provider: 'aws',
      state: KeyConfigurationState.KEY_CONFIGURATION_STATE_PRIMARY,
      custody: 'customer',
      vendorDefault: false,
    };
    const answer = CheckKeyResponse.encode({
      key,
      usable: false,
      kmsState: 'disabled',
      keyVersion: '',
      wrapLatency: { seconds: 1, nanos: 500_000_000 },
      unwrapLatency: undefined,
      error,
    }).finish();
    const { client } = await connect(t, { path: '/keyside.v1.KeyService/CheckKey', answer });
    const check = await client.checkKey({ tenantId: 'acme' });
    assert.deepEqual([check.isUsable, check.kmsState, check.wrapMs, check.unwrapMs], [false, 'disabled', 1_500, undefined]);
    assert.deepEqual(check.key, {
      keyId: 'acme-1',
      provider: 'aws',
      state: 'primary',
      custody: 'customer',
      isVendorDefault: false,
    });
    assert.deepEqual([check.error?.reason, check.error?.code], ['KEY_REVOKED', 'FAILED_PRECONDITION']);
  });

  it('is refused names and texts that UTF-8 cannot hold, before anything is sent', async (t) => {
    const { client, daemon } = await connect(t, { answer: ENCRYPTED });
    for (const metadata of [{ context: { 'a\ud800': '' } }, { context: { a: '\udfff' } }, { dataLabel: '\ud800' }]) {
      await assert.rejects(
        client.encrypt(FIELDS, { tenantId: 'acme', ...metadata }),
        /REQUEST_INVALID: .* is not well-formed Unicode/,
      );
    }
    await assert.rejects(client.encrypt({ '\ud800': Buffer.from('x') }, { tenantId: 'acme' }), /REQUEST_INVALID/);
    assert.equal(daemon.calls.length, 0);
  });

  it('takes no answer with a name that is not UTF-8: two names could become one', async (t) => {
    const entry = [0x0a, 0x07, 0x0a, 0x01, 0xff, 0x12, 0x02, 1, 2];
    const { client } = await connect(t, { answer: Uint8Array.from(entry) });
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }), (error) => facts(error).code === 'INTERNAL');
  });

  it('sends the token of its file, and the one after it once the file changed', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-client-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first');
    const { client, daemon } = await connect(t, { answer: ENCRYPTED, environment: { KEYSIDE_TOKEN_FILE: tokenFile } });
    await client.encrypt(FIELDS, { tenantId: 'acme' });
    writeFileSync(tokenFile, 'the-second');
    await client.encrypt(FIELDS, { tenantId: 'acme' });
    assert.deepEqual(
      daemon.calls.map(({ metadata }) => metadata.get('authorization')),
      [['Bearer first'], ['Bearer the-second']],
    );
  });

  it('never goes through a proxy that the environment names', async (t) => {
    process.env.grpc_proxy = 'http://127.0.0.1:9';
    t.after(() => delete process.env.grpc_proxy);
    const { client } = await connect(t, { answer: ENCRYPTED });
    await client.encrypt(FIELDS, { tenantId: 'acme' });
  });

  it('finds the address in the environment it is given, and prefers the option', () => {
    const environment = { KEYSIDE_ADDRESS: 'example.com:1' };
    assert.throws(() => new KeysideClient({ environment }), /example\.com is not this machine/);
    new KeysideClient({ environment, address: '127.0.0.1:1' }).close();
  });
});

describe("the client's errors", () => {
  const cases: readonly { readonly name: string; readonly answer: Answer; readonly want: ReturnType<typeof facts> }[] = [
    {
      name: "carry the daemon's reason, details and time to wait",
      answer: {
        code: status.UNAVAILABLE,
        details: 'KMS_UNAVAILABLE: the KMS cannot be reached',
        trailer: Status.encode({
          code: status.UNAVAILABLE,
          message: '',
          details: [
            errorInfo('KMS_UNAVAILABLE'),
            any('RetryInfo', RetryInfo.encode({ retryDelay: { seconds: 1, nanos: 250_000_000 } }).finish()),
          ],
        }).finish(),
      },
      want: {
        message: 'KMS_UNAVAILABLE: the KMS cannot be reached',
        reason: 'KMS_UNAVAILABLE',
        code: 'UNAVAILABLE',
        details: { keyId: 'acme-1' },
        retryAfterMs: 1_250,
      },
    },
    {
      name: "are named by the code where another system's details come along",
      answer: {
        code: status.PERMISSION_DENIED,
        details: 'RBAC: access denied',
        trailer: Status.encode({ code: 7, message: '', details: [errorInfo('KEY_REVOKED', 'mesh.example')] }).finish(),
      },
      want: {
        message: 'PERMISSION_DENIED: RBAC: access denied',
        reason: 'PERMISSION_DENIED',
        code: 'PERMISSION_DENIED',
        details: {},
        retryAfterMs: undefined,
      },
    },
    {
      name: 'survive details that are no protobuf',
      answer: { code: status.INTERNAL, details: 'odd', trailer: Uint8Array.of(0xff, 0xff) },
      want: { message: 'INTERNAL: odd', reason: 'INTERNAL', code: 'INTERNAL', details: {}, retryAfterMs: undefined },
    },
  ];
  for (const { name, answer, want } of cases) {
    it(name, async (t) => {
      const { client } = await connect(t, { answer });
      await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }), (error) => {
        assert.deepEqual(facts(error), want);
        return true;
      });
    });
  }

  it('say in words that nobody answers', async () => {
    const client = new KeysideClient({ address: '127.0.0.1:1' });
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }), {
      message: 'UNAVAILABLE: no daemon answers at 127.0.0.1:1 (connection refused)',
    });
    client.close();
  });

  it('say that no answer came in time, for the client as for the call', async (t) => {
    const { client, daemon } = await connect(t, { answer: 'never', timeoutMs: 50 });
    const late = `DEADLINE_EXCEEDED: no answer from ${await daemon.address} in time`;
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }), { message: late });
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }, { timeoutMs: 20 }), { message: late });
  });

  it('say CANCELLED where the signal ended the call, before or during it', async (t) => {
    const { client } = await connect(t, { answer: 'never' });
    const cancelled = (error: unknown) => facts(error).code === 'CANCELLED';
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }, { signal: AbortSignal.abort() }), cancelled);
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }, { signal: AbortSignal.timeout(20) }), cancelled);
  });
});
