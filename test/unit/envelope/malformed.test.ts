import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ShortInput } from '../../../src/core/byte-reader.ts';
import { malformed, parsing } from '../../../src/envelope/malformed.ts';
import { assertRefused } from '../core/refusal.ts';

describe('parsing', () => {
  it('returns what the parser returns', () =>
    assert.equal(
      parsing(() => 7),
      7,
    ));

  it('turns input that ends early into EDEK_MALFORMED, with what was read and the cause', () => {
    const short = new ShortInput('the input ends within its salt');
    const call = (): never =>
      parsing(() => {
        throw short;
      });
    assert.equal(assertRefused(call, 'EDEK_MALFORMED', /^the edek ends within its salt$/).cause, short);
  });

  it('lets everything else through: a fault of ours is not the form of the input', () => {
    for (const error of [new TypeError('ours'), malformed('the form')]) {
      const call = (): never =>
        parsing(() => {
          throw error;
        });
      assert.throws(call, (thrown) => thrown === error);
    }
  });
});
