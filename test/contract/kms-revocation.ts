import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { nodeCipher } from '../../src/cipher/node-cipher.ts';
import { systemClock } from '../../src/core/clock.ts';
import { KeysideError } from '../../src/core/errors.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { KeyRing } from '../../src/keys/key-ring.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { systemTimer } from '../../src/kms/timer.ts';
import { decrypt } from '../../src/service/decrypt.ts';
import { encrypt } from '../../src/service/encrypt.ts';
import type { DocumentRequest, ServiceParts } from '../../src/service/service.ts';
import { NO_TELEMETRY } from '../../src/telemetry/telemetry.ts';
import { TenantDirectory } from '../../src/tenants/directory.ts';
import { FakeCallScope } from '../fakes/call-scope.ts';
import { keyConfiguration, labelPolicy, tenantContent } from '../fakes/tenants.ts';
import { guardOf } from './kms-calls.ts';
import type { ContractSetup } from './kms-subject.ts';

/** In the environment: the lifetime of data keys for reading, in milliseconds, with which revocation is to be measured. */
export const READ_TTL_VARIABLE = 'KEYSIDE_MEASURE_REVOCATION_TTL_MS';

/** How the tests of this file are called, to run them alone. */
export const MEASURED = 'measured:';

/** A document is decrypted this often while a revocation is awaited. */
const EVERY_MS = 5;

export interface Measured {
  readonly name: string;
  /** From the return of the customer's call to the end of the last decrypt that succeeded. */
  readonly lastSuccessMs: number;
  readonly boundMs: number;
}

/**
 * How long a document that is decrypted all the time goes on opening after the customer disabled its key: real time and a real KMS,
 * so it runs where the environment asks for it alone (`npm run revoke`).
 */
export function measureRevocation(name: string, setup: ContractSetup): void {
  const boundMs = Number(process.env[READ_TTL_VARIABLE]);
  // A model of ours says nothing about how long a KMS takes.
  if (!(boundMs > 0) || setup.behind === 'scripted') return;
  it(`${MEASURED} decrypts end within the read lifetime once the key is disabled`, async (t) => {
    const subject = await setup.open();
    t.after(() => subject.close());
    const world = dataPlane(subject.key, boundMs);
    t.after(() => world.ring.close());
    const fields = new Map([['ssn', Buffer.from('123-45-6789')]]);
    const written = await encrypt(world, documentOf({ fields }), new FakeCallScope());
    const read = async () => decrypt(world, documentOf(written), new FakeCallScope());
    await read();
    await subject.disable();
    const disabledAtMs = performance.now();
    let [lastSuccessMs, error]: [number, unknown] = [0, undefined];
    while (error === undefined && lastSuccessMs < 5 * boundMs) {
      await read().then(
        () => {
          lastSuccessMs = performance.now() - disabledAtMs;
        },
        (thrown: unknown) => {
          error = thrown;
        },
      );
      await setTimeout(EVERY_MS);
    }
    t.diagnostic(`measured: ${JSON.stringify({ name, lastSuccessMs, boundMs } satisfies Measured)}`);
    assert.ok(error instanceof KeysideError, String(error));
    assert.equal(error.reason, 'KEY_REVOKED');
    assert.ok(lastSuccessMs <= boundMs, `the last decrypt succeeded after ${lastSuccessMs} ms`);
  });
}

/** A daemon without its edge, whose only key is this one. */
function dataPlane(key: KmsKey, cacheTtlMs: number): ServiceParts {
  const clock = systemClock();
  const guard = guardOf(key);
  const keys = { key: () => guard };
  const limits = { maxEntries: 1_000, maxBytes: 2 ** 24, negativeTtlMs: 1_000 };
  const ring = new KeyRing({ keys, clock, timer: systemTimer(clock), metrics: NO_TELEMETRY.metrics, limits });
  const tenants = new TenantDirectory(undefined);
  const configuration = keyConfiguration('acme-main', { state: 'primary' });
  const defaultPolicy = labelPolicy({ cacheTtlMs, outageLimitMs: cacheTtlMs });
  tenants.apply({ changed: [tenantContent('acme', { keys: [configuration], defaultPolicy })], removed: [] });
  return { tenants, ring, keys, cipher: nodeCipher(), clock };
}

function documentOf(part: Partial<DocumentRequest>): DocumentRequest {
  return {
    tenantId: parseTenantId('acme'),
    fields: new Map(),
    edek: new Uint8Array(),
    context: new Map(),
    dataLabel: '',
    ...part,
  };
}
