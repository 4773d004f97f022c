import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { EncryptOptions, RewrapBatchOptions } from '../src/index.ts';

describe('the package', () => {
  it('has a README whose links lead out of it only in full: it is read where no repository is around it', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
    assert.ok(links.length > 0);
    for (const link of links) assert.match(link, /^(https:\/\/|#|dist\/|LICENSE$)/);
  });

  it('names the types of what its calls may ask for', () => {
    const encrypting: EncryptOptions = { edek: Uint8Array.of(7), timeoutMs: 1 };
    const rewrapping: RewrapBatchOptions = { targetKeyId: 'acme-2', timeoutMs: 1 };
    assert.notDeepEqual(encrypting, rewrapping);
  });
});
