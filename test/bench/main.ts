import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  BatchEncryptRequest,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import { type Load, startTarget, type Target, throughput } from './load.ts';
import { type Finding, renderFindings, summarise } from './ratio.ts';

const ROUNDS = 5;
const SERVICE = '/keyside.v1.CryptoService';
const FIELDS = 5;
const FIELD_BYTES = 204;

/** `npm run bench [-- NAME…] [--json]`: ratios of figures taken in turns on the same server. */
async function main(args: readonly string[]): Promise<void> {
  requireLoadGenerator();
  const names = args.filter((arg) => !arg.startsWith('--'));
  const target = await startTarget();
  try {
    const findings: Record<string, Finding> = {};
    for (const [name, measure] of Object.entries(await benchmarks(target))) {
      if (names.length === 0 || names.includes(name)) findings[name] = await measure();
    }
    if (Object.keys(findings).length === 0) throw new Error(`no benchmark is called ${names.join(' or ')}`);
    process.stdout.write(args.includes('--json') ? `${JSON.stringify(findings, null, 2)}\n` : `${renderFindings(findings)}\n`);
  } finally {
    await target.stop();
  }
}

async function benchmarks(target: Target): Promise<Record<string, () => Promise<Finding>>> {
  const fields = new Map(Array.from({ length: FIELDS }, (_, at) => [`field${at}`, Buffer.alloc(FIELD_BYTES, at + 1)]));
  const document = { fields, edek: new Uint8Array(0), context: new Map<string, string>() };
  const request = EncryptRequest.encode({ tenantId: 'acme', metadata: undefined, ...document }).finish();
  const encrypted = EncryptResponse.decode(await target.call(`${SERVICE}/Encrypt`, request));
  const stored = DecryptRequest.encode({ tenantId: 'acme', metadata: undefined, ...encrypted, context: new Map() }).finish();
  const opened = DecryptResponse.decode(await target.call(`${SERVICE}/Decrypt`, stored));
  for (const [name, value] of fields) assert.deepEqual(Buffer.from(opened.fields.get(name) as Uint8Array), value);
  const documents = Array.from({ length: 100 }, (_, at) => ({ id: String(at), ...document }));
  const batchRequest = BatchEncryptRequest.encode({ tenantId: 'acme', documents, metadata: undefined }).finish();

  const empty = { path: '/keyside.bench.Bench/Empty', request: new Uint8Array(0), requests: 40_000, inFlight: 64 };
  const encrypt = { path: `${SERVICE}/Encrypt`, request, requests: 20_000, inFlight: 64 };
  const decrypt = { path: `${SERVICE}/Decrypt`, request: stored, requests: 20_000, inFlight: 64 };
  const batch = { path: `${SERVICE}/BatchEncrypt`, request: batchRequest, requests: 400, inFlight: 8 };
  return {
    encrypt_vs_empty: () => compare(target, { load: encrypt, peer: empty, goal: { atLeast: 0.75 } }),
    decrypt_vs_empty: () => compare(target, { load: decrypt, peer: empty, goal: { atLeast: 0.75 } }),
    batch100_vs_unary: () => compare(target, { load: batch, peer: encrypt, goal: { atLeast: 5 }, factor: 100 }),
  };
}

/** Takes both figures in turns, after one round that does not count, and proves that every call ended well. */
async function compare(
  target: Target,
  pair: { load: Load; peer: Load; goal: Finding['goal']; factor?: number },
): Promise<Finding> {
  const ratios: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const mine = await throughput(target, pair.load);
    const peer = await throughput(target, pair.peer);
    const outcomes = JSON.parse((await target.call('/keyside.bench.Bench/Outcomes', new Uint8Array(0))).toString());
    assert.deepEqual(Object.keys(outcomes), ['OK'], `calls failed: ${JSON.stringify(outcomes)}`);
    if (round >= 0) ratios.push((mine * (pair.factor ?? 1)) / peer);
  }
  return summarise(ratios, pair.goal);
}

function requireLoadGenerator(): void {
  try {
    execFileSync('h2load', ['--version']);
  } catch (cause) {
    throw new Error('the load generator h2load is missing: apt-get install nghttp2-client', { cause });
  }
}

await main(process.argv.slice(2));
