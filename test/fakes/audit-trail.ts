import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Chains } from '../../src/audit/chain.ts';
import { type RecordLog, writeCheckpoint } from '../../src/audit/checkpoint.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import { FrameBuffer, type FramedRecord } from '../../src/audit/frame.ts';
import { chainOf, recordLine } from '../../src/audit/ocsf.ts';
import { SigningKey } from '../../src/audit/signing-key.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { dataEvent } from './audit-events.ts';

/** A record as it stands in the spool. */
export interface KeptRecord {
  readonly record: FramedRecord;
  readonly line: string;
}

export const BEGIN_MS = 1_795_514_400_000;

/** A trail in memory: one start of a sidecar, with a clock that goes on a second with each record. */
export class Trail implements RecordLog {
  readonly records: KeptRecord[] = [];
  readonly key: SigningKey;
  readonly chains: Chains;
  #nowMs: number;

  constructor({ start = 'start-1', sidecar = 'sidecar-1', key = SigningKey.generate(), beginMs = BEGIN_MS } = {}) {
    this.key = key;
    this.chains = new Chains({ sidecar, start, version: '0.1.0' });
    this.#nowMs = beginMs;
  }

  assertAvailable(): void {}

  append(record: FramedRecord, line: string): void {
    this.records.push({ record, line });
  }

  record(event: AuditEvent): KeptRecord {
    const tenantId = chainOf(event);
    const timeMs = this.#now();
    const { sequence, line } = this.chains.append(tenantId, timeMs, (place) => recordLine(event, place, this.chains.source));
    const kept = { record: { kind: event.kind, sequence, timeMs, tenantId }, line };
    this.records.push(kept);
    return kept;
  }

  /** Encrypts a document for each of the tenants. */
  encrypt(...tenants: readonly string[]): void {
    for (const tenant of tenants) this.record(dataEvent({ tenantId: parseTenantId(tenant) }));
  }

  async checkpoint(): Promise<void> {
    await writeCheckpoint({ chains: this.chains, key: this.key, log: this, now: () => this.#now() });
  }

  of(tenantId: string): readonly KeptRecord[] {
    return this.records.filter(({ record }) => record.tenantId === tenantId);
  }

  #now(): number {
    this.#nowMs += 1_000;
    return this.#nowMs;
  }
}

/** Two tenants and the daemon itself, 26 records and more: three checkpoints, and records after the last. */
export async function sampleTrail(options: ConstructorParameters<typeof Trail>[0] = {}): Promise<Trail> {
  const trail = new Trail(options);
  trail.record({ kind: 'lifecycle', action: 'start', facts: { version: '0.1.0' } });
  trail.encrypt('acme', 'globex', 'acme', 'acme', 'globex');
  await trail.checkpoint();
  trail.encrypt('acme', 'globex', 'globex');
  await trail.checkpoint();
  trail.encrypt('acme', 'acme', 'globex', 'acme');
  await trail.checkpoint();
  trail.encrypt('globex', 'acme');
  return trail;
}

export function ndjson(records: readonly { readonly line: string }[]): string {
  return records.map(({ line }) => `${line}\n`).join('');
}

/** A segment of the spool with these records. */
export function segment(
  records: readonly KeptRecord[],
  header: { sidecar?: string; start?: string; segment?: number } = {},
): Buffer {
  const frames = new FrameBuffer();
  frames.header({ sidecar: 'sidecar-1', start: 'start-1', segment: 1, ...header });
  for (const { record, line } of records) frames.record(record, line);
  return Buffer.from(frames.take());
}

/** Puts files into a fresh folder, calls `use` with their paths, and removes them. */
export async function withFiles<T>(contents: readonly (string | Uint8Array)[], use: (files: string[]) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-audit-'));
  try {
    const files = contents.map((content, at) => {
      const file = join(folder, `${at + 1}`);
      writeFileSync(file, content);
      return file;
    });
    return await use(files);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function gzip(text: string): Buffer {
  return gzipSync(text);
}
