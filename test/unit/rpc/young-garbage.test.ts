import assert from 'node:assert/strict';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { YoungGarbage } from '../../../src/rpc/young-garbage.ts';
import { until } from '../../fakes/edge.ts';

const MIB = 2 ** 20;

describe('young garbage', () => {
  it('is collected after every two MiB, however many messages they came in', () => {
    let collections = 0;
    const garbage = new YoungGarbage(() => {
      collections += 1;
    });
    const after = [1, MIB, MIB - 2, 1, 1, 5 * MIB, MIB].map((bytes) => {
      garbage.left(bytes);
      return collections;
    });
    assert.deepEqual(after, [0, 0, 0, 1, 1, 2, 2]);
  });

  it('is collected by V8, in the young generation alone', async () => {
    const kinds: unknown[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) kinds.push((entry as unknown as { detail: { kind: number } }).detail.kind);
    });
    observer.observe({ entryTypes: ['gc'] });
    new YoungGarbage().left(2 * MIB);
    await until('it is told', () => kinds.length > 0);
    observer.disconnect();
    assert.equal(kinds[0], constants.NODE_PERFORMANCE_GC_MINOR);
  });

  it('gives no other code of the process the means to collect', () => {
    new YoungGarbage().left(1);
    assert.equal(typeof globalThis.gc, 'undefined');
    assert.equal(runInNewContext('typeof globalThis.gc'), 'undefined');
  });
});
