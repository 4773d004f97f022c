import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Chains, recordHash } from '../../../src/audit/chain.ts';
import { NO_PREVIOUS, type RecordPlace } from '../../../src/audit/record-place.ts';

const SOURCE = { sidecar: 'sidecar-1', start: 'start-1', version: '0.1.0' };

/** Appends a record whose line says its place. */
function append(chains: Chains, chain: string): RecordPlace & { readonly line: string } {
  const { line } = chains.append(chain, 5, (place) => JSON.stringify(place));
  return { ...JSON.parse(line), line };
}

function settleAll(chains: Chains, settled: readonly string[]): void {
  for (const chain of settled) chains.settle(chain);
  chains.release();
}

describe('chains', () => {
  it('number the records of all, and link those of each', () => {
    const chains = new Chains(SOURCE);
    const [first, other, second] = [append(chains, 'a'), append(chains, 'b'), append(chains, 'a')];
    assert.deepEqual([first.sequence, other.sequence, second.sequence], [1, 2, 3]);
    assert.deepEqual([first.chainSequence, other.chainSequence, second.chainSequence], [1, 1, 2]);
    assert.deepEqual([first.previous, other.previous, second.previous], [NO_PREVIOUS, NO_PREVIOUS, recordHash(first.line)]);
    assert.deepEqual([chains.sequence, first.timeMs], [3, 5]);
  });

  it('are as they were where a line could not be composed', () => {
    const chains = new Chains(SOURCE);
    append(chains, 'a');
    assert.throws(() => chains.append('a', 5, () => assert.fail('no line')), /no line/);
    const { sequence, chainSequence } = append(chains, 'a');
    assert.deepEqual([sequence, chainSequence], [2, 2]);
  });

  it('a snapshot is of one instant, whatever is appended while it is read', () => {
    const chains = new Chains(SOURCE);
    const [a, b] = [append(chains, 'a'), append(chains, 'b')];
    const snapshot = chains.snapshot();
    const heads = snapshot.heads[Symbol.iterator]();
    assert.equal(heads.next().value?.head, recordHash(a.line));
    const later = [append(chains, 'b'), append(chains, 'c'), append(chains, 'b')];
    assert.deepEqual(heads.next().value, { chain: 'b', sequence: 1, head: recordHash(b.line) });
    assert.deepEqual(heads.next().value, { chain: '', sequence: 0, head: NO_PREVIOUS });
    assert.deepEqual([heads.next().done, snapshot.count, snapshot.sequence, snapshot.checkpoint], [true, 3, 2, 1]);
    assert.deepEqual(
      [...snapshot.heads].map(({ sequence }) => sequence),
      [1, 1, 0],
      'a second reading gives the same',
    );
    assert.deepEqual(
      later.map(({ checkpoint }) => checkpoint),
      [1, 1, 1],
    );
  });

  it('a snapshot is of the chains that have records since the one before, and the daemon’s own, which is last', () => {
    const chains = new Chains(SOURCE);
    append(chains, '');
    append(chains, 'a');
    append(chains, 'b');
    chains.snapshot();
    append(chains, 'b');
    settleAll(chains, ['', 'a', 'b']);
    assert.deepEqual(
      [...chains.snapshot().heads].map(({ chain }) => chain),
      ['b', ''],
    );
    settleAll(chains, ['b']);
    assert.deepEqual(
      [...chains.snapshot().heads].map(({ chain }) => chain),
      [''],
    );
    settleAll(chains, ['']);
    assert.equal(chains.hasMoved, false);
    chains.appendCheckpoint('a', 5, () => '{}');
    assert.equal(chains.hasMoved, false, 'the record of a checkpoint asks for no other');
  });

  it('there is one snapshot at a time', () => {
    const chains = new Chains(SOURCE);
    append(chains, 'a');
    chains.snapshot();
    assert.throws(() => chains.snapshot(), /open already/);
  });
});
