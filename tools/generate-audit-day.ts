/** Writes docs/audit-day.svg and docs/audit-record.svg, from records of a scripted day as a tenant's sink has them, once they are verified. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyFiles } from '../src/audit/verify.ts';
import type { TenantReport } from '../src/audit/verify-report.ts';
import { scriptedDay } from './audit-day.ts';
import { plotDay } from './audit-day-plot.ts';
import { plotRecord } from './audit-record-plot.ts';
import { exampleSigningKey } from './example-signing-key.ts';
import { writeOrCheck } from './generated-file.ts';

const TENANT = 'acme';

const lines = (await scriptedDay()).filter(({ tenantId }) => tenantId === TENANT).map(({ line }) => line);
const tenant = await verified(lines);
const records = lines.map((line) => JSON.parse(line));
writeOrCheck('docs/audit-day.svg', plotDay(records, tenant));
writeOrCheck('docs/audit-record.svg', plotRecord(records.find(isDecryptionFromMemory)));

function isDecryptionFromMemory({ unmapped }: { unmapped: { kind: string; keys?: readonly { from: string }[] } }): boolean {
  return unmapped.kind === 'decrypt' && unmapped.keys?.[0]?.from === 'cache';
}

/** @throws {Error} where the day does not verify */
async function verified(all: readonly string[]): Promise<TenantReport> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-day-'));
  try {
    const file = join(folder, 'acme.ndjson');
    writeFileSync(file, all.map((line) => `${line}\n`).join(''));
    const { verdict, tenants } = await verifyFiles([file], { trusted: [exampleSigningKey().public] });
    const [tenant] = tenants;
    if (verdict !== 'verified' || tenant === undefined) throw new Error(`the scripted day is ${verdict}`);
    return tenant;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
