import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { CALLER_OPERATIONS } from '../../../src/config/daemon-schema.ts';
import { ANNOTATIONS, type AnnotationDefinition, DEFAULT_OPERATIONS, PREFIX } from '../../../src/injector/annotations.ts';
import { AUDIT_SIZE, CPU, isQuantityOf, MEMORY } from '../../../src/injector/quantity.ts';
import { DEFAULT_SETTINGS } from '../../../src/injector/settings.ts';

const definitions: readonly AnnotationDefinition[] = Object.values(ANNOTATIONS);

describe('the annotations', () => {
  it('stand in the documentation as they are, each once and no others', () => {
    const rows = readFileSync('docs/kubernetes.md', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`| \`${PREFIX}`));
    assert.deepEqual(
      rows,
      definitions.map(({ name, byDefault, help }) => `| \`${name}\` | ${byDefault ?? '–'} | ${help} |`),
    );
  });

  it('have names that Kubernetes takes', () => {
    for (const { name } of definitions)
      assert.match(name.replace('<container>', 'c'), /^keyside\.dev\/[A-Za-z0-9][-A-Za-z0-9._]{0,62}$/);
  });

  it('say the defaults that the settings have', () => {
    const { resources, auditSize } = DEFAULT_SETTINGS;
    const said: readonly (readonly [AnnotationDefinition, string])[] = [
      [ANNOTATIONS.cpuRequest, resources.cpuRequest],
      [ANNOTATIONS.memoryRequest, resources.memoryRequest],
      [ANNOTATIONS.memoryLimit, resources.memoryLimit],
      [ANNOTATIONS.auditSize, auditSize],
    ];
    for (const [{ name, byDefault }, value] of said) assert.ok(byDefault?.includes(`\`${value}\``), name);
    assert.equal(resources.cpuLimit, undefined);
    assert.match(ANNOTATIONS.cpuLimit.byDefault, /none/);
  });

  it('have defaults that would be taken from an annotation', () => {
    const { resources, auditSize } = DEFAULT_SETTINGS;
    assert.ok(isQuantityOf(CPU, resources.cpuRequest) && isQuantityOf(AUDIT_SIZE, auditSize));
    assert.ok(isQuantityOf(MEMORY, resources.memoryRequest) && isQuantityOf(MEMORY, resources.memoryLimit));
    const known: readonly string[] = CALLER_OPERATIONS;
    assert.ok(DEFAULT_OPERATIONS.split(',').every((operation) => known.includes(operation)));
  });
});
