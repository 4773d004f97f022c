import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isAsObserved, observe } from '../../../src/config/tenants-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyside-resting-'));
  writeFileSync(join(folder, 'a.yaml'), 'tenants: {}');
  writeFileSync(join(folder, 'b.yml'), 'tenants: {}');
  writeFileSync(join(folder, 'notes.txt'), '');
  writeFileSync(join(folder, '.hidden.yaml'), '');
  symlinkSync(join(folder, 'a.yaml'), join(folder, 'link.yaml'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling.yaml'));
  mkdirSync(join(folder, 'folder.yaml'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function signaturesOf(path: string): ReadonlyMap<string, string> {
  const observed = observe(path);
  return 'signatures' in observed ? observed.signatures : assert.fail(observed.problem);
}

describe('a look at files that nobody reads', () => {
  it('sees nothing new in a folder, or a file, that nobody touched', async () => {
    assert.equal(signaturesOf(folder).size, 3);
    for (const path of [folder, join(folder, 'a.yaml'), join(folder, 'link.yaml')]) {
      assert.equal(await isAsObserved(path, signaturesOf(path)), true);
    }
  });

  const changes: Readonly<Record<string, (at: string) => void>> = {
    'a file that changed': (at) => writeFileSync(join(at, 'a.yaml'), 'tenants: { }'),
    'a file that came': (at) => writeFileSync(join(at, 'c.yaml'), ''),
    'a file that went': (at) => rmSync(join(at, 'b.yml')),
    'a file that was renamed': (at) => renameSync(join(at, 'b.yml'), join(at, 'c.yml')),
    'a link that leads elsewhere': (at) => {
      rmSync(join(at, 'link.yaml'));
      symlinkSync(join(at, 'b.yml'), join(at, 'link.yaml'));
    },
    'a link that leads somewhere now': (at) => writeFileSync(join(at, 'nowhere'), ''),
    'a folder that went': (at) => {
      rmSync(at, { recursive: true });
      writeFileSync(at, '');
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`sees ${name}`, async () => {
      const signatures = signaturesOf(folder);
      change(folder);
      assert.equal(await isAsObserved(folder, signatures), false);
    });
  }
});
