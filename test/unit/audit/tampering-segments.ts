import { Buffer } from 'node:buffer';
import { alter, altered, flipped, inserted, rechained, swapped, without } from '../../fakes/audit-tampering.ts';
import { type KeptRecord, segment } from '../../fakes/audit-trail.ts';
import { denied, type Tampering } from './tampering-lines.ts';

/** Where the frame of a record begins. */
function offsetOf(records: readonly KeptRecord[], at: number): number {
  return segment(records.slice(0, at)).length;
}

/** Of segments of a spool. */
export const onSegments: readonly Tampering[] = [
  {
    name: 'a byte of a record is altered',
    files: ({ all }) => [flipped(segment(all), offsetOf(all, 3) + 200)],
    want: /1 byte \d+ is not a frame, or its checksum is wrong/,
  },
  {
    name: 'a byte of a checksum is altered',
    files: ({ all }) => [flipped(segment(all), offsetOf(all, 3) + 5)],
    want: /1 byte \d+ is not a frame/,
  },
  {
    name: 'a byte of a length is altered',
    files: ({ all }) => [flipped(segment(all), offsetOf(all, 3) + 1, 6)],
    want: /1 byte \d+ is (not a frame|cut off)/,
  },
  {
    name: 'a record is altered and its checksum made anew',
    files: ({ all }) => [segment(alter(all, 3, denied))],
    want: /1 byte \d+ is not what the record after it was chained to/,
  },
  { name: 'a record is removed', files: ({ all }) => [segment(without(all, 3))], want: /1 byte \d+ follows a gap: record 2/ },
  { name: 'records are swapped', files: ({ all }) => [segment(swapped(all, 3, 4))], want: /1 byte \d+ follows a gap/ },
  {
    name: 'a record is repeated with a difference',
    files: ({ all }) => [segment(inserted(all, 4, altered(all[3] as KeptRecord, denied)))],
    want: /1 byte \d+ is another record 2/,
  },
  {
    name: 'the end is cut off within a record',
    files: ({ all }) => [segment(all).subarray(0, -7)],
    want: /1 byte \d+ is cut off: the file ends after \d+ bytes/,
  },
  {
    name: 'the end is cut off within a length',
    files: ({ all }) => [segment(all).subarray(0, offsetOf(all, 23) + 3)],
    want: /1 byte \d+ is cut off: the file ends after 3 bytes/,
  },
  {
    name: 'bytes are put behind the end',
    files: ({ all }) => [Buffer.concat([segment(all), Buffer.alloc(20)])],
    want: /1 byte \d+ is not a frame/,
  },
  {
    name: 'the header is removed',
    files: ({ all }) => [segment(all).subarray(offsetOf(all, 0))],
    want: /1 byte 0 is a record before the header/,
  },
  {
    name: 'a second header is put in',
    files: ({ all }) => [Buffer.concat([segment(all.slice(0, 3)), segment(all.slice(3))])],
    want: /1 byte \d+ is a second header/,
  },
  {
    name: 'the header is of another start',
    files: ({ all }) => [segment(all, { start: 'start-9' })],
    want: /1 byte \d+ is of start start-1, in a segment of start start-9/,
  },
  {
    name: 'a frame names another tenant than its record',
    files: ({ all }) => [
      segment(all.map((each, at) => (at === 3 ? { ...each, record: { ...each.record, tenantId: 'globex' } } : each))),
    ],
    want: /1 byte \d+ is another record than its frame says/,
  },
  {
    name: 'a frame names another kind than its record',
    files: ({ all }) => [
      segment(all.map((each, at) => (at === 3 ? { ...each, record: { ...each.record, kind: 'key' } } : each))),
    ],
    want: /1 byte \d+ is another record than its frame says/,
  },
  {
    name: 'a record is laid out anew',
    files: ({ all }) => [
      segment(all.map((each, at) => (at === 3 ? { ...each, line: JSON.stringify(JSON.parse(each.line), null, 1) } : each))),
    ],
    want: /1 byte \d+ is not in canonical form/,
  },
  {
    name: 'a segment of the middle is left out',
    files: ({ all }) => [segment(all.slice(0, 9)), segment(all.slice(15), { segment: 3 })],
    want: /2 byte \d+ follows a gap/,
  },
  {
    name: 'a record is altered and all is chained anew',
    files: ({ all }) => [segment(rechained(alter(all, 3, denied)))],
    want: /1 byte \d+ is a checkpoint/,
  },
];
