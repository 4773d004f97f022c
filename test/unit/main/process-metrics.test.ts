import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeMetrics } from '../../../src/main/process-metrics.ts';

const page = (count: number): string => `# HELP a_total What a is.
# UNIT a_total {thing}
# TYPE a_total counter
a_total{kind="x {y} z"} ${count}
a_total{kind=""} 0
# HELP b_seconds What b is.
# TYPE b_seconds histogram
b_seconds_bucket{le="+Inf"} ${count}
b_seconds_sum 0.5
b_seconds_count{} ${count} 1700000000000
`;

test('each family stands once, with the samples of all processes, each under its number', () => {
  assert.equal(
    mergeMetrics([
      { process: 1, text: page(3) },
      { process: 2, text: page(4) },
    ]),
    `# HELP a_total What a is.
# UNIT a_total {thing}
# TYPE a_total counter
a_total{process="1",kind="x {y} z"} 3
a_total{process="1",kind=""} 0
a_total{process="2",kind="x {y} z"} 4
a_total{process="2",kind=""} 0
# HELP b_seconds What b is.
# TYPE b_seconds histogram
b_seconds_bucket{process="1",le="+Inf"} 3
b_seconds_sum{process="1"} 0.5
b_seconds_count{process="1"} 3 1700000000000
b_seconds_bucket{process="2",le="+Inf"} 4
b_seconds_sum{process="2"} 0.5
b_seconds_count{process="2"} 4 1700000000000
`,
  );
});

test('what one process alone has is there, and one that gave nothing leaves no trace', () => {
  const merged = mergeMetrics([
    { process: 1, text: '' },
    { process: 2, text: '# no registered metrics' },
    { process: 3, text: '# TYPE c gauge\nc 1\n' },
  ]);
  assert.equal(merged, '# TYPE c gauge\nc{process="3"} 1\n');
});
