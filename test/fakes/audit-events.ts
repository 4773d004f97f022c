import type { AuditEvent, CallEvent, CallFacts, DataEvent, KeyEvent, SecurityEvent } from '../../src/audit/event.ts';
import { SECURITY_EVENTS } from '../../src/audit/security-events.ts';
import { type ErrorReason, REASONS } from '../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';

export const CALL: CallFacts = {
  callerId: 'billing',
  requesterId: 'ada@acme.example',
  requestId: '7f0d3c1a-5b1e-4e63-9f41-2f6a0c8f1b9d',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  sourceIp: '192.0.2.17',
  dataLabel: 'pii',
  purpose: 'support',
  objectId: 'invoice-2210',
  subjectId: 'customer-81',
  attributes: new Map(),
};

export const NO_CALL: CallFacts = {
  callerId: '',
  requesterId: '',
  requestId: '',
  traceId: '',
  sourceIp: '',
  dataLabel: '',
  purpose: '',
  objectId: '',
  subjectId: '',
  attributes: new Map(),
};

export function dataEvent(changes: Partial<DataEvent> = {}): DataEvent {
  return {
    kind: 'encrypt',
    tenantId: parseTenantId('acme'),
    call: CALL,
    outcome: 'OK',
    durationMs: 0.183,
    keys: [{ keyId: 'acme-2026', keyVersion: '7', provider: 'aws', from: 'cache' }],
    fields: 3,
    bytes: 1_024,
    method: 'Encrypt',
    itemId: '',
    phase: 'whole',
    ...changes,
  };
}

export function keyEvent(changes: Partial<KeyEvent> = {}): KeyEvent {
  return {
    kind: 'key',
    tenantId: parseTenantId('acme'),
    action: 'open',
    outcome: 'OK',
    durationMs: 23.4,
    keyId: parseKeyConfigurationId('acme-2026'),
    keyVersion: '7',
    provider: 'aws',
    traceId: CALL.traceId,
    ...changes,
  };
}

export function callEvent(changes: Partial<CallEvent> = {}): CallEvent {
  return {
    kind: 'key',
    tenantId: parseTenantId('acme'),
    call: CALL,
    method: 'CheckKey',
    outcome: 'OK',
    durationMs: 51.2,
    ...changes,
  };
}

export function securityEvent(changes: Partial<SecurityEvent> = {}): SecurityEvent {
  return {
    kind: 'security',
    tenantId: parseTenantId('acme'),
    call: CALL,
    name: 'USER_LOGIN',
    occurredAtMs: 1_795_514_399_000,
    targetUserId: '',
    message: '',
    ...changes,
  };
}

export interface Sample {
  readonly name: string;
  readonly event: AuditEvent;
}

/** An event of every kind and variant. */
export const SAMPLES: readonly Sample[] = [
  { name: 'a document is encrypted', event: dataEvent() },
  {
    name: 'an item of a batch is decrypted',
    event: dataEvent({
      kind: 'decrypt',
      method: 'BatchDecrypt',
      itemId: 'row-17',
      keys: [
        { keyId: 'acme-2025', keyVersion: '', provider: 'vault', from: 'kms' },
        { keyId: 'acme-2026', keyVersion: '7', provider: 'aws', from: 'cache' },
      ],
    }),
  },
  { name: 'a document is rewrapped', event: dataEvent({ kind: 'rewrap', method: 'Rewrap', fields: 0, bytes: 0 }) },
  { name: 'a stream begins', event: dataEvent({ kind: 'decrypt', method: 'DecryptStream', phase: 'opened', bytes: 0 }) },
  { name: 'a stream ends', event: dataEvent({ kind: 'decrypt', method: 'DecryptStream', phase: 'ended', bytes: 73_400_320 }) },
  { name: 'nothing is known of the call', event: dataEvent({ call: NO_CALL, keys: [], outcome: 'CALLER_UNAUTHENTICATED' }) },
  { name: 'an IPv6 source', event: dataEvent({ call: { ...CALL, sourceIp: '2001:db8::17' } }) },
  { name: 'a source that is no address', event: dataEvent({ call: { ...CALL, sourceIp: 'batch job 7' } }) },
  ...(Object.keys(REASONS) as ErrorReason[]).map((outcome) => ({
    name: `decrypt ends in ${outcome}`,
    event: dataEvent({ kind: 'decrypt', method: 'Decrypt', outcome }),
  })),
  ...(['open', 'refresh'] as const).map((action) => ({ name: `key ${action}`, event: keyEvent({ action }) })),
  { name: 'key drop', event: keyEvent({ action: 'drop', keyVersion: '', call: CALL }) },
  { name: 'key refuse', event: keyEvent({ action: 'refuse', outcome: 'KEY_REVOKED', keyVersion: '', traceId: '' }) },
  { name: 'a key is probed', event: callEvent() },
  ...['ListKeys', 'DropKeys'].map((method) => ({
    name: `${method} is denied`,
    event: callEvent({ method, outcome: 'CALLER_NOT_ALLOWED' }),
  })),
  {
    name: 'LogSecurityEvent is denied',
    event: callEvent({ kind: 'security', method: 'LogSecurityEvent', outcome: 'CALLER_NOT_ALLOWED' }),
  },
  ...(['added', 'changed', 'removed', 'rejected'] as const).map((action) => ({
    name: `a tenant's configuration is ${action}`,
    event: { kind: 'configuration', tenantId: parseTenantId('acme'), action, digest: digestOf(action) } as const,
  })),
  {
    name: "the daemon's configuration is changed",
    event: { kind: 'configuration', tenantId: undefined, action: 'changed', digest: digestOf('changed') },
  },
  {
    name: 'the daemon starts',
    event: { kind: 'lifecycle', action: 'start', facts: { version: '0.1.0', signingKey: '0f1e2d3c4b5a6978' } },
  },
  { name: 'the daemon drains', event: { kind: 'lifecycle', action: 'drain', facts: { calls: 3, isForced: false } } },
  { name: 'the daemon recovers', event: { kind: 'lifecycle', action: 'recover', facts: { records: 12, tornBytes: 41 } } },
  ...[...Object.keys(SECURITY_EVENTS), 'CUSTOM_PRICE_OVERRIDE'].map((name) => ({
    name: `security event ${name}`,
    event: securityEvent({
      name,
      targetUserId: 'grace@acme.example',
      message: 'from the console',
      call: { ...CALL, attributes: new Map([['ticket', 'T-4711']]) },
    }),
  })),
  { name: 'a security event of which little is known', event: securityEvent({ name: 'USER_ADD', call: NO_CALL }) },
];

function digestOf(action: 'added' | 'changed' | 'removed' | 'rejected'): string {
  return action === 'added' || action === 'changed' ? '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' : '';
}
