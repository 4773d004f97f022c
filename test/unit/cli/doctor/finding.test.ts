import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countVerdicts, fail, ok, renderCounts, renderFinding, skip, warn } from '../../../../src/cli/doctor/finding.ts';

describe('a finding', () => {
  const cases = [
    { finding: ok('key a', 'works'), want: 'ok    key a: works' },
    { finding: warn('tenant a', 'has no primary key', 'make one'), want: 'warn  tenant a: has no primary key\n      make one' },
    {
      finding: fail('key a', 'KEY_REVOKED: it is disabled', 'enable it'),
      want: 'FAIL  key a: KEY_REVOKED: it is disabled\n      enable it',
    },
    { finding: skip('key a', 'disabled in the configuration'), want: 'skip  key a: disabled in the configuration' },
  ];
  for (const { finding, want } of cases) {
    it(`is one line, with what to do below: ${want.replace(/\n +/, ' / ')}`, () => assert.equal(renderFinding(finding), want));
  }
});

describe('the summary', () => {
  const cases = [
    { findings: [ok('a', '')], want: '1 check: nothing fails' },
    { findings: [ok('a', ''), ok('b', '')], want: '2 checks: nothing fails' },
    { findings: [ok('a', ''), fail('b', ''), fail('c', '')], want: '3 checks: 2 failed' },
    { findings: [warn('a', ''), skip('b', '')], want: '1 check: nothing fails, 1 to look at, 1 skipped' },
    { findings: [], want: '0 checks: nothing fails' },
  ];
  for (const { findings, want } of cases) {
    it(`says: ${want}`, () => assert.equal(renderCounts(countVerdicts(findings)), want));
  }
});
