/**
 * The load of the tenants that nothing happens to, in a process of its own: for each loaded tenant some calls are under way at any
 * time, each followed by the next. Told by messages which tenants to load and when to hand over what was seen.
 */
import { KeysideClient } from '../../clients/typescript/src/index.ts';
import type { LoadOrder, LoadSeen } from './others.ts';
import { TenantCalls } from './tenant-calls.ts';

const AT_ONCE_PER_TENANT = 2;
const PAUSE_AFTER_FAILURE_MS = 100;

const client = new KeysideClient({ address: process.argv[2] as string, maxAttempts: 1 });
const loaded = new Map<string, { isWanted: boolean; readonly ended: Promise<unknown> }>();
let durationsMs: number[] = [];
let failures: string[] = [];
let sinceMs = performance.now();

async function work(tenantId: string, state: { isWanted: boolean }): Promise<void> {
  const calls = new TenantCalls(client, tenantId);
  while (state.isWanted) {
    const startMs = performance.now();
    try {
      await calls.next();
      durationsMs.push(performance.now() - startMs);
    } catch (error) {
      failures.push(`${tenantId}: ${error instanceof Error ? error.message : String(error)}`);
      await new Promise((done) => setTimeout(done, PAUSE_AFTER_FAILURE_MS));
    }
  }
}

async function load(tenantIds: readonly string[]): Promise<void> {
  const leaving = [...loaded].filter(([tenantId]) => !tenantIds.includes(tenantId));
  for (const [tenantId, state] of leaving) {
    state.isWanted = false;
    loaded.delete(tenantId);
  }
  await Promise.all(leaving.map(([, { ended }]) => ended));
  for (const tenantId of tenantIds) {
    if (loaded.has(tenantId)) continue;
    const state = { isWanted: true, ended: Promise.resolve() as Promise<unknown> };
    state.ended = Promise.all(Array.from({ length: AT_ONCE_PER_TENANT }, () => work(tenantId, state)));
    loaded.set(tenantId, state);
  }
}

function handOver(): LoadSeen {
  const nowMs = performance.now();
  const seen = { tookMs: nowMs - sinceMs, durationsMs, failures };
  durationsMs = [];
  failures = [];
  sinceMs = nowMs;
  return seen;
}

process.on('message', (order: LoadOrder) => {
  void load(order.tenantIds).then(() => process.send?.(handOver()));
});
process.on('disconnect', () => process.exit(0));
