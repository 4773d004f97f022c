import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CONFIGURED_PROVIDERS } from '../../src/config/provider-settings.ts';

const ROOT = join(import.meta.dirname, '../..');
const POLICIES = join(ROOT, 'deploy/policies');
const textOf = (...path: readonly string[]): string => readFileSync(join(ROOT, ...path), 'utf8');

const HEADINGS = [
  'What the customer creates',
  'Least-privilege policy to paste',
  'Configuration',
  'What its log shows for each Keyside call',
  'Failures and what they look like',
  'Quotas',
  'Rotation',
  'What was exercised against what',
];

describe('what is ready for customers', () => {
  it('is there for every provider, and for nothing else', () => {
    assert.deepEqual(readdirSync(POLICIES).sort(), [...CONFIGURED_PROVIDERS].sort());
  });

  for (const provider of CONFIGURED_PROVIDERS) {
    const files = readdirSync(join(POLICIES, provider)).sort();
    const page = textOf('docs/providers', `${provider}.md`);

    it(`${provider}: has Terraform and a script, and its page names every file`, () => {
      for (const file of ['main.tf', 'setup.sh']) assert.ok(files.includes(file), file);
      assert.ok(page.includes(`deploy/policies/${provider}`));
      for (const file of files) assert.match(page, new RegExp(`\\b${file.replaceAll('.', '\\.')}\``), `${file} is not named`);
    });

    it(`${provider}: every shell script parses, can be started, and stops at the first failure`, () => {
      for (const file of files.filter((name) => name.endsWith('.sh'))) {
        const script = join(POLICIES, provider, file);
        const { status, stderr } = spawnSync('bash', ['-n', script], { encoding: 'utf8' });
        assert.deepEqual([status, stderr], [0, ''], script);
        accessSync(script, constants.X_OK);
        assert.match(readFileSync(script, 'utf8'), /^set -eu/m, script);
      }
    });

    it(`${provider}: its page has the headings of all, in their order`, () => {
      assert.deepEqual(
        [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading),
        HEADINGS,
      );
    });
  }

  it('aws: Terraform, script and page allow Keyside the same', () => {
    const keysideStatements = (text: string): string[] => {
      const [, from = ''] = text.split(/KeysideUsesTheKeyForOneTenant/);
      return [...from.matchAll(/"(kms:[A-Za-z]+(?::keyside:tenant)?)"/g)].map(([, action]) => action as string);
    };
    const want = ['kms:GenerateDataKey', 'kms:Encrypt', 'kms:Decrypt', 'kms:EncryptionContext:keyside:tenant', 'kms:DescribeKey'];
    for (const path of ['deploy/policies/aws/main.tf', 'deploy/policies/aws/setup.sh', 'docs/providers/aws.md']) {
      assert.deepEqual(keysideStatements(textOf(path)), want, path);
    }
    const actions = (text: string) => [...new Set(text.match(/"kms:[A-Za-z]+"/g))].sort();
    assert.deepEqual(actions(textOf('deploy/policies/aws/main.tf')), actions(textOf('deploy/policies/aws/setup.sh')));
  });
});
