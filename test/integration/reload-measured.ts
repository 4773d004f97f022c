/**
 * Measures reloading of a folder with very many tenants files, by hand: `node test/integration/reload-measured.ts [files]`.
 * Prints for each step how long it took, the longest time that the main thread's event loop was held up meanwhile, and the most
 * processor time that the main thread itself spent between two turns: on a busy machine the former shows what others do too.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { watchTenants } from '../../src/config/tenants-watch.ts';
import { ReaderProcess } from '../../src/main/reader-process.ts';
import { TenantDirectory } from '../../src/tenants/directory.ts';

const COUNT = Number(process.argv[2] ?? 100_000);
const RESOLUTION_MS = 1;

const root = mkdtempSync(join(tmpdir(), 'keyside-reload-'));
const folder = join(root, 'tenants');
mkdirSync(folder);

function writeTenant(number: number, state: string): void {
  const text = `tenants:
  tenant-${number}:
    keys:
      - id: key-${number}
        provider: aws
        state: ${state}
        aws:
          keyId: arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-1234567890ab
    policy:
      default:
        cache: { ttl: 30s }
      labels:
        pii: { protection: document, cache: { ttl: 0s } }
`;
  writeFileSync(join(folder, `tenant-${number}.yaml`), text);
}

function writeVendor(keyFile: string): void {
  const text = `vendor:
  keys:
    - { id: vendor-default, provider: local, state: primary, local: { storeFile: ${keyFile} } }
`;
  writeFileSync(join(folder, 'vendor.yaml'), text);
}

const directory = new TenantDirectory();
let reloaded = Promise.withResolvers<void>();
const watch = watchTenants({
  path: folder,
  rescanIntervalMs: 600_000,
  startReader: () => new ReaderProcess(),
  onChange: (changes) => directory.apply(changes),
  onReload: (report) => {
    console.log('  report:', JSON.stringify({ ...report, faults: report.faults.length }));
    reloaded.resolve();
  },
  onTrouble: (error) => console.error('  trouble:', error),
});

/** The most processor time of this thread between two turns of a timer, in milliseconds. */
function watchOwnTime(): () => number {
  const usedMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let [lastMs, mostMs] = [usedMs(), 0];
  const timer = setInterval(() => {
    const now = usedMs();
    mostMs = Math.max(mostMs, now - lastMs);
    lastMs = now;
  }, RESOLUTION_MS);
  return () => {
    clearInterval(timer);
    return mostMs;
  };
}

async function measure(step: string, work: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  await new Promise((resolve) => setTimeout(resolve, 200));
  delay.enable();
  const ownTimeMs = watchOwnTime();
  const startMs = performance.now();
  await work();
  const tookMs = performance.now() - startMs;
  const mostMs = ownTimeMs();
  delay.disable();
  const heldUpMs = (nanoseconds: number): string => (nanoseconds / 1e6 - RESOLUTION_MS).toFixed(1);
  const memory = `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident, ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB heap`;
  console.log(
    `${step}: ${tookMs.toFixed(0)} ms; event loop held up at most ${heldUpMs(delay.max)} ms, p99.9 ${heldUpMs(delay.percentile(99.9))} ms, by its own work at most ${mostMs.toFixed(1)} ms; ${memory}`,
  );
}

async function change(write: () => void): Promise<void> {
  reloaded = Promise.withResolvers();
  write();
  await reloaded.promise;
}

try {
  for (let number = 0; number < COUNT; number += 1) writeTenant(number, 'primary');
  writeVendor('a.json');
  await measure('nothing', () => new Promise((resolve) => setTimeout(resolve, 1_000)));
  await measure(`first load of ${COUNT} files`, () => watch.load());
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (let round = 0; round < 5; round += 1) {
    await measure('change of 1 file', () => change(() => writeTenant(7, round % 2 === 0 ? 'active' : 'primary')));
  }
  await measure('change of 5 files', () =>
    change(() => {
      for (let number = 10; number < 15; number += 1) writeTenant(number, 'disabled');
    }),
  );
  await measure('change of the vendor section', () => change(() => writeVendor('b.json')));
  console.log('tenants:', directory.size);
} finally {
  await watch.close();
  rmSync(root, { recursive: true });
}
