import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flameGraph } from '../../../tools/flame-graph.ts';
import type { CpuProfile } from '../../bench/cpu-profiler.ts';
import { type Frame, groupShares, mergedStacks, topFunctions, withoutThin } from '../../bench/stacks.ts';

/** One function on the stack of a profile, and the microseconds that were sampled in it. */
interface Called {
  readonly name: string;
  readonly url?: string;
  readonly us?: number;
  readonly calls?: readonly Called[];
}

function profileOf(...called: readonly Called[]): CpuProfile {
  const [nodes, samples, timeDeltas]: [CpuProfile['nodes'], number[], number[]] = [[], [], []];
  const add = ({ name, url = '', us = 0, calls = [] }: Called): number => {
    const callFrame = { functionName: name, url, scriptId: '0', lineNumber: 0, columnNumber: 0 };
    const node: CpuProfile['nodes'][number] = { id: nodes.length + 1, callFrame, children: [] };
    nodes.push(node);
    samples.push(node.id);
    timeDeltas.push(us);
    node.children?.push(...calls.map(add));
    return node.id;
  };
  add({ name: '(root)', calls: called });
  return { nodes, samples, timeDeltas, startTime: 0, endTime: 0 };
}

const CIPHER = 'file:///app/dist/src/cipher/native-cipher.js';
const GRPC = 'file:///app/node_modules/@grpc/grpc-js/build/src/server.js';

test('time goes to the group of its file; what has none counts for its caller, and idle time and the profiler for nobody', () => {
  const root = mergedStacks([
    profileOf(
      { name: '(idle)', us: 900 },
      { name: '(garbage collector)', us: 10 },
      {
        name: 'serve',
        url: GRPC,
        us: 20,
        calls: [{ name: 'seal', url: CIPHER, us: 30, calls: [{ name: 'sealFields', us: 40 }] }],
      },
      { name: 'post', url: 'node:inspector', us: 500, calls: [{ name: 'stop', us: 100 }] },
    ),
  ]);
  assert.equal(root.total, 100);
  assert.deepEqual(groupShares(root), [
    ['ciphers', 0.7],
    ['grpc-js', 0.2],
    ['garbage collection', 0.1],
  ]);
  assert.deepEqual(topFunctions(root, 1), [['(native cipher)\tciphers', 0.4]]);
});

test('profiles are added up stack by stack', () => {
  const one = profileOf({ name: 'serve', url: GRPC, us: 10 });
  const [serve] = mergedStacks([one, one]).children;
  assert.deepEqual(serve, { name: 'serve', group: 'grpc-js', total: 20, self: 20, children: [] });
});

test('a frame that is too thin to draw leaves its time to its caller', () => {
  const calls = [
    { name: 'thin', url: CIPHER, us: 1 },
    { name: 'thick', url: CIPHER, us: 99 },
  ];
  const [serve] = withoutThin(mergedStacks([profileOf({ name: 'serve', url: GRPC, calls })]), 0.02).children;
  assert.deepEqual([serve?.total, serve?.self, serve?.children.map(({ name }) => name)], [100, 1, ['thick']]);
});

test('a flame graph of ten thousand frames stays below 60 kB and escapes what names hold', () => {
  const wide = (depth: number): Frame[] =>
    Array.from({ length: 6 }, (_, at) => ({
      name: `call<${at}>`,
      group: 'rpc',
      total: 6 ** depth,
      self: 0,
      children: depth === 0 ? [] : wide(depth - 1),
    }));
  const svg = flameGraph('a & b', { name: 'all', group: 'all', total: 6 ** 6, self: 0, children: wide(5) });
  assert.ok(svg.length < 60_000, `${svg.length} bytes`);
  assert.ok(svg.includes('call&lt;0&gt; (rpc) 16.7 %') && svg.includes('a &amp; b') && !svg.includes('<0>'));
});
