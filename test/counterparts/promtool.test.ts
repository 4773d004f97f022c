import assert from 'node:assert/strict';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { run } from './harness.ts';
import { PROMTOOL, whyNoPromtool } from './kubernetes-tools.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/dashboards');
const RULES = join(FOLDER, 'keyside-alerts.yaml');
const TESTS = join(FOLDER, 'keyside-alerts.test.yaml');

interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
}

interface Tries {
  readonly tests: readonly {
    readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly object[] }[];
  }[];
}

interface Model {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

const missing = await whyNoPromtool();
if (missing !== undefined) console.log(`# ${missing}`);

describe('the alerts, in the eyes of promtool', { skip: missing ?? false }, () => {
  it('are rules that Prometheus takes', () => run(PROMTOOL, ['check', 'rules', '--lint=all', '--lint-fatal', RULES]));

  it('fire on what they are for, and not before', () => run(PROMTOOL, ['test', 'rules', TESTS]));
});

describe('the dashboards, in the eyes of promtool', { skip: missing ?? false }, () => {
  it('ask in PromQL that Prometheus takes', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'keyside-promtool-'));
    t.after(() => rm(folder, { recursive: true }));
    const expressions: string[] = [];
    for await (const file of glob(join(FOLDER, '*.json'))) {
      const { panels } = JSON.parse(await readFile(file, 'utf8')) as Model;
      expressions.push(...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)));
    }
    assert.ok(expressions.length >= 40);
    // What Grafana puts in place of its variables.
    const rules = expressions.map((expr, index) => ({ record: `r${index}`, expr: expr.replaceAll('$__rate_interval', '1m') }));
    await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
    await run(PROMTOOL, ['check', 'rules', join(folder, 'rules.yaml')]);
  });
});

describe('the alerts', () => {
  it('are tried one and all: each fires once, and all are silent in the last try', async () => {
    const { groups } = parse(await readFile(RULES, 'utf8')) as Alerts;
    const { tests } = parse(await readFile(TESTS, 'utf8')) as Tries;
    const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort();
    const firing = tests
      .flatMap(({ promql_expr_test }) => promql_expr_test)
      .filter(({ exp_samples }) => exp_samples.length > 0)
      .map(({ expr }) => /^ALERTS\{alertname="(\w+)",alertstate="firing"/.exec(expr)?.[1]);
    assert.ok(names.length >= 20);
    assert.deepEqual(firing.sort(), names);
    assert.deepEqual(tests.at(-1)?.promql_expr_test, [{ expr: 'ALERTS', eval_time: '45m', exp_samples: [] }]);
  });
});
