import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { Progress, readableSize } from '../../../../src/cli/files/progress.ts';

function watched({ isTTY, total }: { readonly isTTY: boolean; readonly total: number | undefined }) {
  const drawn: string[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      drawn.push(String(chunk));
      done();
    },
  });
  const clock = { ms: 0 };
  const progress = new Progress({ stderr: Object.assign(sink, { isTTY }) }, { total, nowMs: () => clock.ms });
  return { progress, clock, drawn };
}

describe('the progress of a long work', () => {
  it('shows part, rate and time left, at most ten times a second, and goes away at the end', () => {
    const { progress, clock, drawn } = watched({ isTTY: true, total: 4 * 2 ** 20 });
    clock.ms = 1_000;
    progress.add(2 ** 20);
    clock.ms = 1_050;
    progress.add(1);
    progress.end();
    assert.deepEqual(drawn, [
      '\r\u001b[K[######                  ]  25%  1.0 MiB of 4.0 MiB  1.0 MiB/s  0:03 left',
      '\r\u001b[K',
    ]);
  });

  it('shows what it knows where the end is not known', () => {
    const { progress, clock, drawn } = watched({ isTTY: true, total: undefined });
    clock.ms = 500;
    progress.add(512);
    assert.deepEqual(drawn, ['\r\u001b[K512 B  1.0 KiB/s']);
  });

  it('is silent where no person watches', () => {
    const { progress, clock, drawn } = watched({ isTTY: false, total: 10 });
    clock.ms = 1_000;
    progress.add(10);
    progress.end();
    assert.deepEqual(drawn, []);
  });

  it('tells sizes in the unit that suits them', () => {
    assert.deepEqual([0, 0.4, 1_023, 1_536, 2 ** 50].map(readableSize), ['0 B', '0 B', '1023 B', '1.5 KiB', '1024.0 TiB']);
  });
});
