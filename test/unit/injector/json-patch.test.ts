import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, pointer, prepend, setMember } from '../../../src/injector/json-patch.ts';
import { applyJsonPatch } from '../../fakes/apply-json-patch.ts';

describe('a JSON pointer', () => {
  it('escapes what separates, and what escapes', () => {
    assert.equal(pointer('metadata', 'annotations', 'keyside.dev/status'), '/metadata/annotations/keyside.dev~1status');
    assert.equal(pointer('a~b', '~1', 0, ''), '/a~0b/~01/0/');
    assert.equal(pointer(), '');
  });

  it('finds the member it was made for, whatever its name', () => {
    for (const name of ['a/b', '~', '~1', '/', '', '__proto__', '0', '-']) {
      const document = JSON.parse(`{"a":{${JSON.stringify(name)}:1}}`) as object;
      const patched = applyJsonPatch(document, [setMember(pointer('a', name), 2)]) as { a: object };
      assert.deepEqual(Object.entries(patched.a), [[name, 2]]);
    }
  });
});

describe('a list', () => {
  for (const [name, list] of [
    ['absent', {}],
    ['null', { list: null }],
    ['empty', { list: [] }],
  ] as const) {
    it(`that is ${name} is made`, () => {
      const given = 'list' in list ? list.list : undefined;
      assert.deepEqual(applyJsonPatch(list, append('/list', given, [1, 2])), { list: [1, 2] });
      assert.deepEqual(applyJsonPatch(list, [prepend('/list', given, 1)]), { list: [1] });
    });
  }

  it('that has items keeps them, before what is appended and after what is prepended', () => {
    assert.deepEqual(applyJsonPatch({ list: [1] }, append('/list', [1], [2, 3])), { list: [1, 2, 3] });
    assert.deepEqual(applyJsonPatch({ list: [1] }, [prepend('/list', [1], 0)]), { list: [0, 1] });
  });

  it('that gets nothing is not touched', () => assert.deepEqual(append('/list', undefined, []), []));
});
