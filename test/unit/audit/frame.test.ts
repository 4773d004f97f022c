import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_KINDS } from '../../../src/audit/event.ts';
import { type Frame, FrameBuffer, MAX_BODY_BYTES, readFrames } from '../../../src/audit/frame.ts';

const HEADER = { sidecar: 'sidecar-1', start: 'start-1', segment: 7 };

function sample(): Buffer {
  const frames = new FrameBuffer(16);
  frames.header(HEADER);
  for (const [at, kind] of EVENT_KINDS.entries()) {
    const sequence = at === 0 ? Number.MAX_SAFE_INTEGER : at;
    frames.record({ kind, sequence, timeMs: 2 ** 41 + at, tenantId: at % 2 === 0 ? 'tenant-ü' : '' }, `{"n":${at},"text":"é😀"}`);
  }
  return Buffer.from(frames.take());
}

function read(bytes: Uint8Array): { frames: Frame[]; stop: string; offset: number } {
  const frames: Frame[] = [];
  const { stop, offset } = readFrames(bytes, 0, (frame) => frames.push(frame));
  return { frames, stop, offset };
}

test('every kind of frame is read as it was written', () => {
  const bytes = sample();
  const { frames, stop, offset } = read(bytes);
  assert.equal(stop, 'end');
  assert.equal(offset, bytes.length);
  assert.deepEqual(frames[0], { header: HEADER });
  const records = frames.slice(1).map((frame) => ('record' in frame ? frame.record : undefined));
  assert.deepEqual(
    records.map((record) => record?.kind),
    [...EVENT_KINDS],
  );
  assert.equal(records[0]?.sequence, Number.MAX_SAFE_INTEGER);
  assert.equal(records[1]?.timeMs, 2 ** 41 + 1);
  assert.deepEqual([records[0]?.tenantId, records[1]?.tenantId], ['tenant-ü', '']);
  const [, first] = frames;
  assert.ok(first !== undefined && 'line' in first);
  assert.equal(Buffer.from(first.line).toString(), '{"n":0,"text":"é😀"}');
});

test('bytes that end anywhere within a frame are torn, and what lies before is read', () => {
  const bytes = sample();
  const ends = new Set<number>();
  readFrames(bytes, 0, (_frame, end) => void ends.add(end));
  for (let length = 1; length < bytes.length; length += 1) {
    const { stop, offset } = read(bytes.subarray(0, length));
    assert.equal(stop, ends.has(length) ? 'end' : 'torn', `at ${length}`);
    assert.ok(offset <= length && (offset === 0 || ends.has(offset)));
  }
});

test('no flipped bit is read as a record', () => {
  const bytes = sample();
  const whole = read(bytes).frames.length;
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    const { frames, stop } = read(flipped);
    assert.ok(frames.length < whole, `at ${at}`);
    assert.notEqual(stop, 'end');
  }
});

test('zeros where a file was made longer than what was written are damage, not a frame', () => {
  assert.deepEqual(read(new Uint8Array(64)), { frames: [], stop: 'damaged', offset: 0 });
});

test('a record larger than any may be is refused, and the buffer stays as it was', () => {
  const frames = new FrameBuffer();
  assert.throws(
    () => frames.record({ kind: 'encrypt', sequence: 1, timeMs: 1, tenantId: '' }, 'x'.repeat(MAX_BODY_BYTES)),
    /exceeds/,
  );
  assert.equal(frames.length, 0);
});

test('what is put in front may be larger than the memory there is', () => {
  const frames = new FrameBuffer(64);
  const line = JSON.stringify({ text: 'x'.repeat(10_000) });
  frames.record({ kind: 'encrypt', sequence: 1, timeMs: 1, tenantId: 'a' }, line);
  const first = frames.take();
  frames.prepend(first);
  const { frames: all, stop } = read(frames.take());
  assert.deepEqual([all.length, stop], [1, 'end']);
});

test('what is put in front comes first', () => {
  const frames = new FrameBuffer(16);
  frames.record({ kind: 'encrypt', sequence: 1, timeMs: 1, tenantId: 'a' }, '{}');
  const first = frames.take();
  frames.record({ kind: 'encrypt', sequence: 2, timeMs: 1, tenantId: 'a' }, '{}');
  frames.prepend(first);
  const { frames: all } = read(frames.take());
  assert.deepEqual(
    all.map((frame) => ('record' in frame ? frame.record.sequence : undefined)),
    [1, 2],
  );
});
