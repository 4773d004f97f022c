/**
 * By hand: `npm run bench:options [-- NODE…]`. What options of the allocator, of V8 and other versions of Node (programs, as arguments)
 * do to the compiled daemon: its processor time for calls and streams, relative to the same without them, and its memory. All daemons
 * live at once and are measured in turns; docs/decisions/0007-allocator-and-collector.md says what was chosen from it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../faults/percentile.ts';
import { Daemon, type Installed, install, type Launch } from './daemon.ts';
import { ENCRYPT, encryptRequest } from './documents.ts';
import { postTo } from './load.ts';
import { encryptObject } from './objects.ts';
import { cpuMsOf, residentMib } from './process-figures.ts';

const ROUNDS = 5;
const SMALL_CALLS = 6_000;
const LARGE_CALLS = 40;
const LARGE_BYTES = 3 * 1_024 * 1_024;
/** 256 MiB. */
const CHUNKS = 1_024;
const SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 20;

const HEAP_KEPT = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '268435456', MALLOC_TOP_PAD_: '16777216' };
const HEAP_KEPT_LESS = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '33554432', MALLOC_TOP_PAD_: '4194304' };
const MMAP_ONLY = { MALLOC_MMAP_THRESHOLD_: '4194304', MALLOC_TRIM_THRESHOLD_: '33554432' };
const SEMI_16 = '--max-semi-space-size=16';
const SEMI_32 = '--max-semi-space-size=32';
const ONE_THREAD = '--single-threaded-gc';

const VARIANTS: Readonly<Record<string, Launch>> = {
  nothing: {},
  /** How far the figures of equals lie apart. */
  'nothing, once more': {},
  'arenas 2': { env: { MALLOC_ARENA_MAX: '2' } },
  'mmap from 4 MiB, trim at 32': { env: MMAP_ONLY },
  'heap kept': { env: HEAP_KEPT },
  'heap kept less': { env: HEAP_KEPT_LESS },
  'semi-space 16': { nodeOptions: [SEMI_16] },
  'semi-space 32': { nodeOptions: [SEMI_32] },
  'single-threaded': { nodeOptions: [ONE_THREAD] },
  'heap kept, single-threaded': { nodeOptions: [ONE_THREAD], env: HEAP_KEPT },
  'heap kept, semi-space 16': { nodeOptions: [SEMI_16], env: HEAP_KEPT },
};

const LOADS = {
  small: (daemon: Daemon) => postTo(daemon.url(ENCRYPT), { request: encryptRequest(), requests: SMALL_CALLS, inFlight: 64 }),
  large: (daemon: Daemon) => postTo(daemon.url(ENCRYPT), { request: LARGE, requests: LARGE_CALLS, inFlight: 2 }),
  stream: (daemon: Daemon) => encryptObject(daemon.client, CHUNKS, () => undefined),
} as const;
const LARGE = encryptRequest('acme', new Map([['file', Buffer.alloc(LARGE_BYTES, 'large')]]));

type Measured = Record<keyof typeof LOADS, number>;

await using stack = new AsyncDisposableStack();
const installed = await install(stack);

const launches = new Map<string, Launch>(Object.entries(VARIANTS));
for (const node of process.argv.slice(2)) launches.set(node, { node });
const memory = new Map<string, string>();
for (const [name, launch] of launches) {
  memory.set(name, await memoryOf(installed, launch));
  process.stderr.write(`# ${name}: ${memory.get(name)} MiB\n`);
}
const times = await timesOf(launches);
const base = times.get('nothing') as readonly Measured[];
process.stdout.write('| | small | large | stream | idle MiB | stream MiB above |\n|---|---|---|---|---|---|\n');
for (const [name, rounds] of times) {
  const cells = (Object.keys(LOADS) as (keyof Measured)[]).map((load) => {
    const ratios = rounds.map((round, at) => round[load] / (base[at] as Measured)[load]);
    return median(ratios).toFixed(2);
  });
  process.stdout.write(`| ${name} | ${cells.join(' | ')} | ${memory.get(name)} |\n`);
}

/** Processor time of each load in each round. */
async function timesOf(wanted: ReadonlyMap<string, Launch>): Promise<ReadonlyMap<string, Measured[]>> {
  const daemons = new Map<string, Daemon>();
  for (const [name, launch] of wanted) daemons.set(name, stack.use(await Daemon.start(installed, launch)));
  const found = new Map<string, Measured[]>([...wanted.keys()].map((name) => [name, []]));
  // The first round does not count.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const measured = new Map([...wanted.keys()].map((name) => [name, {} as Measured]));
    for (const [load, run] of Object.entries(LOADS)) {
      for (const [name, daemon] of daemons) {
        const used = await cpuMsOf(daemon.pid, () => run(daemon));
        (measured.get(name) as Measured)[load as keyof Measured] = used;
      }
    }
    process.stderr.write(`# round ${round} of ${ROUNDS}: ${JSON.stringify([...measured.entries()])}\n`);
    if (round > 0) for (const [name, figures] of measured) found.get(name)?.push(figures);
  }
  return found;
}

/** Of a fresh daemon: idle, and the most above that while one stream runs; medians of three, as two cells. */
async function memoryOf(program: Installed, launch: Launch): Promise<string> {
  const [idle, above]: [number[], number[]] = [[], []];
  while (idle.length < 3) {
    await using daemon = await Daemon.start(program, launch);
    await pause(SETTLE_MS);
    const before = residentMib(daemon.pid);
    let most = before;
    const look = setInterval(() => {
      most = Math.max(most, residentMib(daemon.pid));
    }, LOOK_EVERY_MS);
    await encryptObject(daemon.client, CHUNKS, () => undefined).finally(() => clearInterval(look));
    idle.push(before);
    above.push(most - before);
  }
  return `${median(idle).toFixed(0)} | ${median(above).toFixed(0)}`;
}
