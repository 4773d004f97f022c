import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32c } from '../../../../src/kms/gcp/crc32c.ts';

/** RFC 3720, appendix B.4; it prints the four bytes in the order of the wire, the lowest first. */
const READ_COMMAND = Buffer.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000',
  'hex',
);

const vectors = [
  { name: '32 bytes of zeros', bytes: Buffer.alloc(32), wire: 'aa36918a' },
  { name: '32 bytes of ones', bytes: Buffer.alloc(32, 0xff), wire: '43aba862' },
  { name: '32 incrementing bytes', bytes: Buffer.from(Array.from({ length: 32 }, (_, i) => i)), wire: '4e79dd46' },
  { name: '32 decrementing bytes', bytes: Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), wire: '5cdb3f11' },
  { name: 'an iSCSI SCSI Read (10) command', bytes: READ_COMMAND, wire: '563a96d9' },
  { name: 'nothing', bytes: Buffer.alloc(0), wire: '00000000' },
  { name: 'the digits 1 to 9, the check value of every CRC', bytes: Buffer.from('123456789'), wire: '839206e3' },
];

describe('CRC-32C', () => {
  for (const { name, bytes, wire } of vectors) {
    it(`of ${name} is ${wire} on the wire`, () => {
      assert.equal(crc32c(bytes), Buffer.from(wire, 'hex').readUInt32LE());
    });
  }
});
