import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError as CallError, KeyRevokedError } from '../../../clients/typescript/src/index.ts';
import { AlreadyReported, describeFailure, UsageError } from '../../../src/cli/failure.ts';
import { ConfigurationError } from '../../../src/config/fault.ts';
import { KeysideError } from '../../../src/core/errors.ts';

const revoked = new KeyRevokedError('key acme-demo is disabled', {
  reason: 'KEY_REVOKED',
  code: 'FAILED_PRECONDITION',
  details: new Map([['provider', 'local']]),
});

const cases: readonly {
  readonly name: string;
  readonly error: unknown;
  readonly exitCode: number;
  readonly text: string | RegExp;
}[] = [
  {
    name: "a daemon's error ends in 1, with its reason, its sentence and who can mend it",
    error: revoked,
    exitCode: 1,
    text: /^KEY_REVOKED: key acme-demo is disabled\n {2}for the tenant: `keyside local-kms enable`.*\n$/,
  },
  {
    name: 'a reason this version does not know ends in 1 without advice',
    error: new CallError('so be it', { reason: 'BRAND_NEW', code: 'UNKNOWN' }),
    exitCode: 1,
    text: 'BRAND_NEW: so be it\n',
  },
  {
    name: 'an error of our own ends in 1 with its reason',
    error: new KeysideError('REQUEST_INVALID', 'the input is not JSON'),
    exitCode: 1,
    text: 'REQUEST_INVALID: the input is not JSON\n',
  },
  { name: 'a wrong command line ends in 2', error: new UsageError('what'), exitCode: 2, text: 'error: what\n' },
  { name: 'what was said already is not said again', error: new AlreadyReported(), exitCode: 1, text: '' },
  {
    name: 'a faulty configuration is told with every fault',
    error: new ConfigurationError([
      { file: 'b.yaml', line: 2, column: 1, path: 'x', message: 'is wrong' },
      { file: 'a.yaml', line: undefined, column: undefined, path: '', message: 'is empty' },
    ]),
    exitCode: 1,
    text: 'a.yaml: is empty\nb.yaml:2:1: x: is wrong\n',
  },
  { name: 'any other error ends in 1 with its message', error: new Error('no luck'), exitCode: 1, text: 'no luck\n' },
];

describe('a failed command', () => {
  for (const { name, error, exitCode, text } of cases) {
    it(`: ${name}`, () => {
      const failure = describeFailure(error);
      assert.equal(failure.exitCode, exitCode);
      if (typeof text === 'string') assert.equal(failure.text, text);
      else assert.match(failure.text, text);
    });
  }
});
