import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { REASONS } from '../../../src/core/errors.ts';
import { LABELS, METRICS, type MetricDefinition } from '../../../src/telemetry/names.ts';
import { prometheusName } from '../../../src/telemetry/prometheus-names.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DASHBOARDS = 'deploy/dashboards/*.json';
const RULES = 'deploy/dashboards/keyside-alerts.yaml';

const SUFFIXES: Readonly<Record<MetricDefinition['kind'], readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  counter: ['_total'],
  upDownCounter: [''],
  gauge: [''],
};

/** Every series on /metrics by its name, with what it is of. */
const SERIES: ReadonlyMap<string, MetricDefinition> = new Map(
  Object.values<MetricDefinition>(METRICS).flatMap((metric) =>
    SUFFIXES[metric.kind].map((suffix) => [`${prometheusName(metric)}${suffix}`, metric] as const),
  ),
);

/** Of Kubernetes' API server (k8s.io/apiserver, pkg/admission/metrics) and Prometheus: the labels that are used of each. */
const FOREIGN: ReadonlyMap<string, readonly string[]> = new Map([
  ['apiserver_admission_webhook_fail_open_count', ['name']],
  ['apiserver_admission_webhook_admission_duration_seconds_bucket', ['name', 'le']],
  ['apiserver_validating_admission_policy_check_total', ['policy', 'enforcement_action']],
  ['up', ['job']],
]);

/** What Prometheus adds to each series that it scrapes from a pod, and to buckets. */
const ADDED = ['namespace', 'pod', 'le'];
/** Outcomes that are no reasons, as the help of the label has them. */
const OTHER_OUTCOMES = ['OK', 'applied', 'rejected', 'injected', 'left-alone', 'refused', 'unreadable', 'failed'];

interface Expression {
  readonly file: string;
  readonly text: string;
}

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

function alertExpressions(): readonly Expression[] {
  const { groups } = parse(textOf(RULES)) as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => ({ file: RULES, text: expr })));
}

interface Model {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
}

function dashboardExpressions(): readonly Expression[] {
  return globSync(DASHBOARDS, { cwd: ROOT }).flatMap((file) => {
    const { panels, templating } = JSON.parse(textOf(file)) as Model;
    const graphs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const variables = templating.list.map(({ query }) => (typeof query === 'string' ? '' : query.query));
    return [...graphs, ...variables.filter((text) => text !== '')].map((text) => ({ file, text }));
  });
}

/** All series of an expression, each with its matchers: `name{label="value"}`. */
function seriesOf(text: string): readonly { readonly name: string; readonly matchers: readonly [string, string][] }[] {
  return [...text.matchAll(/\b((?:keyside|apiserver)_\w+|up(?=\{))(?:\{([^}]*)\})?/g)].map(([, name = '', matchers = '']) => ({
    name,
    matchers: [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]),
  }));
}

const labelsOf = (name: string): readonly string[] | undefined => {
  const metric = SERIES.get(name);
  return metric === undefined ? FOREIGN.get(name) : [...metric.attributes.map((key) => LABELS[key].name), ...ADDED];
};

const expressions = [...alertExpressions(), ...dashboardExpressions()];

describe('dashboards and alerts', () => {
  it('are looked into: dozens of expressions, and most of the metrics', () => {
    const used = new Set(expressions.flatMap(({ text }) => seriesOf(text)).map(({ name }) => SERIES.get(name)));
    const unused = Object.values<MetricDefinition>(METRICS).filter((metric) => !used.has(metric));
    assert.ok(expressions.length >= 60, `${expressions.length} expressions`);
    assert.deepEqual(
      unused.map(({ name }) => name),
      ['keyside.audit.written'],
    );
  });

  it('name only metrics that exist, by the names they have on /metrics', () => {
    for (const { file, text } of expressions) {
      const series = seriesOf(text);
      assert.ok(series.length > 0, `${file}: ${text}`);
      for (const { name } of series) assert.ok(labelsOf(name), `${file}: ${name}`);
    }
  });

  it('name only labels that their metrics have', () => {
    for (const { file, text } of expressions) {
      const series = seriesOf(text);
      const known = new Set(series.flatMap(({ name }) => labelsOf(name) ?? []));
      for (const { name, matchers } of series)
        for (const [label] of matchers) assert.ok(labelsOf(name)?.includes(label), `${file}: ${name} has no ${label}`);
      for (const [, labels = ''] of text.matchAll(/\bby \(([^)]*)\)/g))
        for (const label of labels.split(/,\s*/)) assert.ok(known.has(label), `${file}: ${label} in ${text}`);
    }
  });

  it('name only outcomes that there are', () => {
    const outcomes = expressions
      .flatMap(({ text }) => seriesOf(text))
      .flatMap(({ matchers }) => matchers.filter(([label]) => label === 'outcome' || label === 'reason'))
      .flatMap(([, value]) => value.split('|'));
    assert.ok(outcomes.length >= 20);
    for (const outcome of outcomes) assert.ok(outcome in REASONS || OTHER_OUTCOMES.includes(outcome), outcome);
  });

  it('are the same in the chart, which can read no file outside of itself', () => {
    const copies = globSync('deploy/helm/keyside/files/*', { cwd: ROOT });
    assert.equal(copies.length, 3);
    for (const copy of copies)
      assert.equal(textOf(copy), textOf(join('deploy/dashboards', relative('deploy/helm/keyside/files', copy))));
  });
});

describe('pages', () => {
  it('name only metrics that exist', () => {
    const pages = [...globSync('docs/**/*.md', { cwd: ROOT }), ...globSync('deploy/**/*.md', { cwd: ROOT }), 'README.md'];
    const families = new Set(Object.values<MetricDefinition>(METRICS).map(prometheusName));
    let seen = 0;
    for (const page of pages) {
      for (const [name] of textOf(page).matchAll(/\b(?:keyside|apiserver)_\w+_\w+/g)) {
        assert.ok(labelsOf(name) ?? families.has(name), `${page}: ${name}`);
        seen += 1;
      }
    }
    assert.ok(seen >= 30, `${seen} names`);
  });
});
