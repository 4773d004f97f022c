import assert from 'node:assert/strict';
import { it } from 'node:test';
import { closeStream, replaceDecoder, untakenBytes, whenClosed } from '../../../src/rpc/call-inside.ts';

it('a call of a grpc-js that is made otherwise is left as it is', () => {
  for (const other of [{}, { decoder: {}, stream: {} }, { decoder: undefined, stream: undefined }]) {
    const before = { ...other };
    assert.equal(replaceDecoder(other, { write: () => [] }), false);
    assert.equal(closeStream(other, 8), false);
    assert.equal(
      whenClosed(other, () => undefined),
      false,
    );
    assert.equal(untakenBytes(other), 0);
    assert.deepEqual(other, before);
  }
});
