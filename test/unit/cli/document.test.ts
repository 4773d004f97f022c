import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { type Document, fieldCalled, parseDocument, renderDocument } from '../../../src/cli/document.ts';
import { KeysideError } from '../../../src/core/errors.ts';

const document: Document = {
  tenantId: 'acme',
  edek: Uint8Array.of(0x4b, 0x44, 0xff),
  fields: new Map([
    ['ssn', Uint8Array.of(1, 2, 3)],
    ['__proto__', Uint8Array.of(4)],
    ['', new Uint8Array()],
    ['a"b\n', Uint8Array.of(5)],
  ]),
  context: new Map([['__proto__', 'row 17']]),
};

const plain = (bytes: Uint8Array): number[] => [...bytes];

describe('a printed document', () => {
  it('is read back unchanged, names such as __proto__ included', () => {
    const read = parseDocument(Buffer.from(renderDocument(document)));
    assert.equal(read.tenantId, 'acme');
    assert.deepEqual(plain(read.edek), plain(document.edek));
    assert.deepEqual(
      [...read.fields].map(([name, value]) => [name, plain(value)]),
      [...document.fields].map(([name, value]) => [name, plain(value)]),
    );
    assert.deepEqual(read.context, document.context);
  });

  it('is one line', () => assert.doesNotMatch(renderDocument(document), /\n/));

  it('leaves out a context that is empty', () => {
    assert.doesNotMatch(renderDocument({ ...document, context: new Map() }), /context/);
  });

  it('may lack tenant, fields and context', () => {
    const read = parseDocument(Buffer.from('{"edek":"S0Q="}'));
    assert.deepEqual([read.tenantId, read.fields.size, read.context], [undefined, 0, undefined]);
  });

  const refused: readonly { readonly name: string; readonly text: string; readonly want: string }[] = [
    { name: 'without an edek', text: '{"fields":{}}', want: 'the document has no edek' },
    { name: 'that is a list', text: '[]', want: 'the document must be a JSON object' },
    {
      name: 'with a misspelt key',
      text: '{"edek":"S0Q=","contxt":{}}',
      want: 'the document has "contxt", which is none of tenantId, edek, fields, context',
    },
    {
      name: 'with the key __proto__',
      text: '{"edek":"S0Q=","__proto__":{}}',
      want: 'the document has "__proto__", which is none of tenantId, edek, fields, context',
    },
    { name: 'with an edek that is a number', text: '{"edek":1}', want: 'edek must be a text in quotes' },
    { name: 'with an edek that is not base64', text: '{"edek":"S0Q*"}', want: 'edek is not base64' },
    { name: 'with an edek without padding', text: '{"edek":"S0Q"}', want: 'edek is not base64' },
    { name: 'with an edek whose last bits are not zero', text: '{"edek":"S0R="}', want: 'edek is not base64' },
    { name: 'with a field that is not base64', text: '{"edek":"S0Q=","fields":{"a":" "}}', want: 'field "a" is not base64' },
    { name: 'with a field that is null', text: '{"edek":"","fields":{"a":null}}', want: 'field "a" must be a text in quotes' },
    { name: 'with fields that are null', text: '{"edek":"","fields":[]}', want: 'fields must be a JSON object' },
    {
      name: 'with a context value that is a number',
      text: '{"edek":"","context":{"a":1}}',
      want: 'a context value must be a text in quotes',
    },
  ];
  for (const { name, text, want } of refused) {
    it(`is refused ${name}`, () => {
      assert.throws(
        () => parseDocument(Buffer.from(text)),
        (error) => {
          assert.ok(error instanceof KeysideError);
          assert.deepEqual([error.reason, error.message], ['REQUEST_INVALID', want]);
          return true;
        },
      );
    });
  }
});

describe('a field in a message', () => {
  it('is quoted, so that its name cannot pose as words or move the cursor', () => {
    assert.equal(fieldCalled('a"\u001b[2J'), 'field "a\\"\\u001b[2J"');
  });

  it('is cut short', () => assert.equal(fieldCalled('x'.repeat(1_000)), `field "${'x'.repeat(64)}…"`));
});
