import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkMode, type FileKind } from '../../../../src/cli/doctor/file-modes.ts';

describe('the mode of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-modes-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, '');

  const cases: readonly {
    readonly kind: FileKind;
    readonly mode: number;
    readonly want: 'ok' | 'fail';
    readonly mend?: RegExp;
  }[] = [
    { kind: 'configuration', mode: 0o600, want: 'ok' },
    { kind: 'configuration', mode: 0o644, want: 'ok' },
    { kind: 'configuration', mode: 0o664, want: 'ok' },
    { kind: 'configuration', mode: 0o666, want: 'fail', mend: /^chmod o-w / },
    { kind: 'secret', mode: 0o640, want: 'ok' },
    { kind: 'secret', mode: 0o644, want: 'fail', mend: /^chmod o-rwx / },
    { kind: 'secret', mode: 0o642, want: 'fail', mend: /^chmod o-rwx / },
    { kind: 'keyStore', mode: 0o600, want: 'ok' },
    { kind: 'keyStore', mode: 0o400, want: 'ok' },
    { kind: 'keyStore', mode: 0o640, want: 'fail', mend: /^chmod 600 / },
    { kind: 'keyStore', mode: 0o604, want: 'fail', mend: /^chmod 600 / },
  ];
  for (const { kind, mode, want, mend } of cases) {
    it(`0${mode.toString(8)} is ${want} for a ${kind}`, () => {
      chmodSync(path, mode);
      const finding = checkMode({ path, kind, what: 'it' });
      assert.equal(finding?.verdict, want);
      if (mend !== undefined) assert.match(finding?.mend ?? '', mend);
    });
  }

  it('is no use in a folder where everybody may put another file in its place', () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    writeFileSync(join(open, 'file'), '', { mode: 0o600 });
    chmodSync(open, 0o777);
    assert.equal(checkMode({ path: join(open, 'file'), kind: 'secret', what: 'it' })?.verdict, 'fail');
    chmodSync(open, 0o1777);
    assert.equal(checkMode({ path: join(open, 'file'), kind: 'secret', what: 'it' })?.verdict, 'ok');
  });

  it('is not judged where there is no such file', () => {
    for (const missing of [join(folder, 'none'), join(path, 'below')]) {
      assert.equal(checkMode({ path: missing, kind: 'secret', what: 'it' }), undefined);
    }
  });
});
