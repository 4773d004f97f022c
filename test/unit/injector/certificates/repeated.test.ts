import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Repeated } from '../../../../src/injector/certificates/repeated.ts';

it('does a thing again and again, never twice at a time, until it is stopped', async () => {
  let [running, times] = [0, 0];
  const enough = Promise.withResolvers<void>();
  const repeated = new Repeated(async () => {
    running += 1;
    times += 1;
    assert.equal(running, 1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (times === 5) enough.resolve();
    return 1;
  });
  repeated.start();
  await enough.promise;
  await repeated.stop();
  const stoppedAt = times;
  assert.equal(running, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(times, stoppedAt);
});

it('is stopped when what is under way has ended', async () => {
  const gate = Promise.withResolvers<void>();
  let isDone = false;
  const repeated = new Repeated(async () => {
    await gate.promise;
    isDone = true;
    return 1;
  });
  repeated.start();
  const stopped = repeated.stop();
  gate.resolve();
  await stopped;
  assert.equal(isDone, true);
});
