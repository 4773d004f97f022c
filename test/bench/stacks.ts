import type { CpuProfile } from './cpu-profiler.ts';

/** Where processor time goes, in the words of the table. The first whose pattern fits a frame's place has it. */
const GROUPS: readonly (readonly [group: string, place: RegExp])[] = [
  ['grpc-js', /\/node_modules\/@grpc\//],
  ['telemetry', /\/node_modules\/@opentelemetry\/|\/src\/telemetry\/otel/],
  ['messages', /\/src\/gen\/|\/@bufbuild\/protobuf\/|\/src\/rpc\/(messages|scratch-writer)\./],
  ['ciphers', /\/src\/cipher\/|\/native\/|^node:(internal\/)?crypto/],
  ['envelope', /\/src\/envelope\//],
  ['keys', /\/src\/(keys|kms|tenants)\//],
  ['service', /\/src\/service\//],
  ['rpc', /\/src\/rpc\//],
  ['log', /\/src\/telemetry\//],
  ['core', /\/src\/core\//],
  ['start', /\/src\/(main|config|cli)\//],
  ['HTTP/2', /^node:(internal\/)?http2/],
  ['sockets and streams', /^node:(internal\/)?(net|stream|streams|tls|dgram|tty|tcp)/],
  ['loading', /^node:(internal\/)?(modules|bootstrap|vm|module|process\/esm|fs|path|url|util\/compile)/],
  ['promises and timers', /^node:(internal\/)?(process|timers|async_hooks|promise|abort_controller)/],
  ['buffers', /^node:(internal\/)?buffer/],
  ['events', /^node:(internal\/)?(events|event_target)/],
  ["Node's own", /^node:/],
  ['other packages', /\/node_modules\//],
];

/** V8 knows all functions of an addon by the name of one of them. */
const NATIVE_CIPHER = /\/src\/cipher\/native-cipher\./;

/** One function on a stack with the samples that ended in it and what it called. */
export interface Frame {
  readonly name: string;
  readonly group: string;
  /** Samples here and below. */
  total: number;
  /** Samples here. */
  self: number;
  readonly children: Frame[];
}

/** The profiles as one tree, without idle time and the profiler's own. The root's total is all samples. */
export function mergedStacks(profiles: readonly CpuProfile[]): Frame {
  const root: Frame = { name: 'all', group: 'all', total: 0, self: 0, children: [] };
  for (const profile of profiles) addProfile(root, profile);
  return root;
}

function addProfile(root: Frame, { nodes, samples = [], timeDeltas = [] }: CpuProfile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const weights = new Map<number, number>();
  samples.forEach((id, at) => {
    weights.set(id, (weights.get(id) ?? 0) + Math.max(0, timeDeltas[at] ?? 0));
  });
  for (const [id, weight] of weights) {
    const path: CpuProfile['nodes'] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node !== undefined) path.unshift(node);
    }
    const isNoWork = path.some(({ callFrame }) => callFrame.functionName === '(idle)' || /^node:inspector/.test(callFrame.url));
    if (!isNoWork) addPath(root, path.slice(1), weight);
  }
}

function addPath(root: Frame, path: CpuProfile['nodes'], weight: number): void {
  root.total += weight;
  let frame = root;
  let caller = '';
  for (const { callFrame } of path) {
    const isNativeCipher = callFrame.url === '' && NATIVE_CIPHER.test(caller);
    const name = isNativeCipher ? '(native cipher)' : callFrame.functionName || '(anonymous)';
    caller = callFrame.url;
    const group = groupOf(name, callFrame.url) ?? frame.group;
    let next = frame.children.find((child) => child.name === name && child.group === group);
    if (next === undefined) {
      next = { name, group, total: 0, self: 0, children: [] };
      frame.children.push(next);
    }
    next.total += weight;
    frame = next;
  }
  frame.self += weight;
}

/** Undefined for what is compiled into Node: it counts for whoever called it. */
function groupOf(name: string, url: string): string | undefined {
  if (name === '(garbage collector)') return 'garbage collection';
  if (name === '(program)') return 'outside JavaScript';
  if (url === '') return undefined;
  const place = url.replaceAll('\\', '/');
  return GROUPS.find(([, pattern]) => pattern.test(place))?.[0] ?? 'other';
}

/** Share of all samples of each group, the largest first. */
export function groupShares(root: Frame): readonly (readonly [group: string, share: number])[] {
  return shares(root, ({ group }) => (group === 'all' ? 'other' : group));
}

/** Functions by the share of samples that ended in them, the largest first. */
export function topFunctions(root: Frame, count: number): readonly (readonly [name: string, share: number])[] {
  return shares(root, ({ name, group }) => `${name}\t${group}`).slice(0, count);
}

function shares(root: Frame, key: (frame: Frame) => string): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  const visit = (frame: Frame): void => {
    sums.set(key(frame), (sums.get(key(frame)) ?? 0) + frame.self);
    frame.children.forEach(visit);
  };
  visit(root);
  const all = [...sums].filter(([, sum]) => sum > 0).toSorted((a, b) => b[1] - a[1]);
  return all.map(([name, sum]) => [name, Number((sum / root.total).toFixed(4))] as const);
}

/** Without frames thinner than a share of the whole: their samples count for the frame that called them. */
export function withoutThin(root: Frame, share: number): Frame {
  const least = root.total * share;
  const thinned = (frame: Frame): Frame => {
    const kept = frame.children.filter((child) => child.total >= least).map(thinned);
    const self = frame.total - kept.reduce((sum, child) => sum + child.total, 0);
    return { ...frame, self, children: kept.toSorted((a, b) => a.name.localeCompare(b.name)) };
  };
  return thinned(root);
}
