import type { AuditTrail } from '../audit/trail.ts';
import { parseKeyConfigurationId } from '../core/ids.ts';
import type { Duration } from '../gen/google/protobuf/duration.ts';
import {
  type CheckKeyRequest,
  type CheckKeyResponse,
  type DropKeysRequest,
  type DropKeysResponse,
  type KeyConfiguration as KeyConfigurationMessage,
  KeyConfigurationState,
  type ListKeysRequest,
  type ListKeysResponse,
} from '../gen/keyside/v1/key.ts';
import type { ServiceParts } from '../service/service.ts';
import { checkKey, dropKeysEverywhere, type KeyCheck, listKeys } from '../service/tenant-keys.ts';
import { recordCall } from './call-audit.ts';
import { toStatus } from './status.ts';
import type { UnaryMethod } from './unary.ts';

const SERVICE = 'keyside.v1.KeyService';

const STATES = {
  primary: KeyConfigurationState.KEY_CONFIGURATION_STATE_PRIMARY,
  active: KeyConfigurationState.KEY_CONFIGURATION_STATE_ACTIVE,
  disabled: KeyConfigurationState.KEY_CONFIGURATION_STATE_DISABLED,
} as const;

export function checkKeyMethod(service: ServiceParts, audit: AuditTrail): UnaryMethod<CheckKeyRequest, CheckKeyResponse> {
  return {
    name: `${SERVICE}/CheckKey`,
    operation: 'check-key',
    auditKind: 'key',
    outcomeShowsKey: false,
    handle: async (request, call) => {
      const { tenantId, scope, record } = call;
      const startedAtMs = performance.now();
      const check = await checkKey(service, { tenantId, keyId: optionalKeyId(request.keyId) }, scope);
      call.note({ keyId: check.configuration.id, usable: check.error === undefined });
      if (check.configuration.state === 'primary') call.keyShown([check.error?.reason ?? 'OK']);
      // The KMS was asked on the caller's behalf: its own events do not say whose.
      recordCall(audit, { record, kind: 'key' }, { outcome: check.error?.reason ?? 'OK', startedAtMs });
      return toCheckMessage(check);
    },
  };
}

export function listKeysMethod(service: ServiceParts): UnaryMethod<ListKeysRequest, ListKeysResponse> {
  return {
    name: `${SERVICE}/ListKeys`,
    operation: 'list-keys',
    auditKind: 'key',
    outcomeShowsKey: false,
    handle: (_request, { tenantId }) => ({ keys: listKeys(service, tenantId).map(toKeyMessage) }),
  };
}

export function dropKeysMethod(service: ServiceParts, audit: AuditTrail): UnaryMethod<DropKeysRequest, DropKeysResponse> {
  return {
    name: `${SERVICE}/DropKeys`,
    operation: 'drop-keys',
    auditKind: 'key',
    outcomeShowsKey: false,
    handle: async (request, call) => {
      const { tenantId, record } = call;
      const keyId = optionalKeyId(request.keyId);
      const startedAtMs = performance.now();
      const dropped = await dropKeysEverywhere(service, { tenantId, keyId });
      call.note({ dropped });
      const durationMs = performance.now() - startedAtMs;
      const common = { kind: 'key', tenantId, action: 'drop', keyVersion: '', outcome: 'OK', durationMs } as const;
      // What a trail that is not available misses must not keep keys in memory: they are gone by now.
      for (const { id, provider } of listKeys(service, tenantId)) {
        if (keyId !== undefined && keyId !== id) continue;
        record.isAudited = true;
        const facts = record.takeFacts();
        audit.record({ ...common, keyId: id, provider, traceId: facts.traceId, call: facts });
      }
      // Of a key that is configured no more.
      if (!record.isAudited) recordCall(audit, { record, kind: 'key' }, { outcome: 'OK', startedAtMs });
      return { dropped };
    },
  };
}

function optionalKeyId(keyId: string): ReturnType<typeof parseKeyConfigurationId> | undefined {
  return keyId === '' ? undefined : parseKeyConfigurationId(keyId);
}

function toKeyMessage(configuration: KeyCheck['configuration']): KeyConfigurationMessage {
  return {
    keyId: configuration.id,
    provider: configuration.provider,
    state: STATES[configuration.state],
    custody: configuration.custody,
    vendorDefault: configuration.isVendorDefault,
  };
}

function toCheckMessage(check: KeyCheck): CheckKeyResponse {
  return {
    key: toKeyMessage(check.configuration),
    usable: check.error === undefined,
    kmsState: check.kmsState,
    keyVersion: check.keyVersion,
    wrapLatency: toDuration(check.wrapMs),
    unwrapLatency: toDuration(check.unwrapMs),
    error: check.error && toStatus(check.error),
  };
}

function toDuration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  const nanos = Math.round(ms * 1_000_000);
  return { seconds: Math.floor(nanos / 1_000_000_000), nanos: nanos % 1_000_000_000 };
}
