import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { derive } from '../../../src/envelope/derive.ts';
import { type OpenDocument, openField, sealAddedField, sealNewField } from '../../../src/envelope/field.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';

const cipher = bothCiphers();

function openDocument(): OpenDocument {
  const dataKey = SecretBytes.own(Buffer.alloc(32, 0x64));
  const [salt, context] = [Buffer.alloc(24, 1), Buffer.from('context')];
  const { key } = derive(cipher, dataKey, { kind: 'document', salt, context });
  return { cipher, fieldKey: key, dataKey, salt, context };
}

const versions = [
  { version: 1, seal: sealNewField, overhead: 29, fresh: 13 },
  { version: 2, seal: sealAddedField, overhead: 41, fresh: 25 },
] as const;

for (const { version, seal, overhead, fresh } of versions) {
  describe(`a field of version ${version}`, () => {
    const document = openDocument();

    it(`is ${overhead} bytes longer than its plaintext and begins with its version`, () => {
      for (const size of [0, 1, 100, 65_536]) {
        const sealed = seal(document, 'name', Buffer.alloc(size));
        assert.equal(sealed.length, size + overhead);
        assert.equal(sealed[0], version);
      }
    });

    it('is sealed anew each time: nothing but its version is the same twice', () => {
      const seen = new Set<string>();
      for (let at = 0; at < 300; at++)
        seen.add(Buffer.from(seal(document, 'name', Buffer.alloc(4)).subarray(1, fresh)).toString('hex'));
      assert.equal(seen.size, 300);
    });

    it('has memory of its own once it is opened, and never overlaps another where it is sealed', () => {
      const [sealed, other] = [seal(document, 'name', Buffer.from('value')), seal(document, 'name', Buffer.from('other'))];
      other.fill(0);
      const opened = openField(document, 'name', sealed);
      assert.equal(opened?.buffer.byteLength, 5);
      assert.equal(Buffer.from(opened).toString(), 'value');
    });

    it('opens from the middle of a larger buffer', () => {
      const sealed = seal(document, 'name', Buffer.from('value'));
      const within = Buffer.concat([Buffer.alloc(7, 9), sealed, Buffer.alloc(7, 9)]).subarray(7, -7);
      assert.equal(Buffer.from(openField(document, 'name', within) ?? []).toString(), 'value');
    });

    it('leaves the plaintext and the sealed bytes as they were', () => {
      const plaintext = Buffer.from('value');
      const sealed = seal(document, 'name', plaintext);
      assert.equal(plaintext.toString(), 'value');
      const before = Buffer.from(sealed);
      openField(document, 'name', sealed);
      openField(document, 'other', sealed);
      assert.deepEqual(Buffer.from(sealed), before);
    });

    it('takes a name of 65,535 bytes', () => {
      const name = `${'\u00e9'.repeat(32_767)}n`;
      const sealed = seal(document, name, Buffer.from('value'));
      assert.equal(Buffer.from(openField(document, name, sealed) ?? []).toString(), 'value');
      assert.equal(openField(document, name.slice(0, -1), sealed), undefined);
    });

    const badNames = [
      { name: '65,536 bytes', input: 'n'.repeat(65_536) },
      { name: '65,536 bytes in fewer characters', input: '\u00e9'.repeat(32_768) },
      { name: 'a lone high surrogate', input: 'name\ud800' },
      { name: 'a lone low surrogate', input: '\udc00' },
    ];
    for (const { name, input } of badNames) {
      it(`Precondition: the name is well-formed text of at most 65,535 bytes. (${name})`, () => {
        assert.throws(() => seal(document, input, Buffer.from('value')), RangeError);
        assert.equal(openField(document, input, seal(document, 'name', Buffer.from('value'))), undefined);
      });
    }

    it('does not open under a name that only a replacing encoder would take for its own', () => {
      const sealed = seal(document, 'name\ufffd', Buffer.from('value'));
      assert.ok(openField(document, 'name\ufffd', sealed) !== undefined);
      assert.equal(openField(document, 'name\ud800', sealed), undefined);
    });

    it('is refused at every length below its own, and never throws', () => {
      const sealed = seal(document, 'name', Buffer.from('a longer value than the tag'));
      for (let length = 0; length < sealed.length; length++) {
        assert.equal(openField(document, 'name', sealed.subarray(0, length)), undefined, `${length} bytes`);
      }
    });

    it('is refused as every other version', () => {
      const sealed = Buffer.from(seal(document, 'name', Buffer.from('a longer value than a salt and a tag')));
      for (let other = 0; other < 256; other++) {
        sealed[0] = other;
        assert.equal(openField(document, 'name', sealed) !== undefined, other === version, `version ${other}`);
      }
    });
  });
}
