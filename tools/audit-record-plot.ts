import type { Json } from '../src/audit/canonical-json.ts';

/** What a reader should see in the parts of a record, by the beginning of their path. The longest that fits counts. */
const NOTES: Readonly<Record<string, string>> = {
  activity_id: 'what was done',
  activity_name: 'what was done',
  actor: 'who asked',
  category_uid: 'OCSF: Datastore Activity',
  class_uid: 'OCSF: Datastore Activity',
  database: 'whose data it is',
  duration: 'milliseconds',
  metadata: 'trace, RPC, the id and the number of the record',
  severity_id: 'OCSF: informational',
  src_endpoint: 'from where, as the application says',
  status_code: 'how it ended: OK, or the reason',
  status_id: 'how it ended: OK, or the reason',
  time: 'when, in ms since 1970',
  type_id: 'OCSF: class and activity',
  type_uid: 'OCSF: class and activity',
  'unmapped.bytes': 'how much plaintext',
  'unmapped.chain': 'its place in the chain of this tenant, and the hash of the record before it',
  'unmapped.data_label': 'which class of data',
  'unmapped.duration_us': 'microseconds',
  'unmapped.fields': 'how many fields',
  'unmapped.keys': 'which key opened it, from memory or its KMS',
  'unmapped.kind': 'what sinks are filtered by',
  'unmapped.object_id': 'which object, as the application says',
  'unmapped.phase': 'streams have two: opened, ended',
  'unmapped.purpose': 'why, as the application says',
  'unmapped.request_id': 'which call',
  'unmapped.subject_id': 'whom it is about',
};

interface Line {
  readonly path: string;
  readonly text: string;
}

const [LINE, LEFT, TOP, LETTER, WIDTH, GAP] = [17, 16, 34, 7.25, 1_120, 18] as const;
/** Objects that are shorter stand on one line. */
const MAX_LETTERS = 88;

/** One record laid out for reading, with what its parts say beside them. */
export function plotRecord(record: { readonly [name: string]: Json }): string {
  const lines = laidOut(record, '', 0);
  const height = TOP + lines.length * LINE + 10;
  const noteAt = LEFT + Math.max(...lines.map(({ text }) => text.length)) * LETTER + GAP;
  const code = lines.map(({ text }, at) => letters({ x: LEFT, at, fill: '#222222', font: 'monospace' }, text)).join('');
  const notes = lines
    .map(({ path }, at) => ({ at, note: noteOf(path), before: noteOf(lines[at - 1]?.path ?? '') }))
    .map(({ at, note, before }) =>
      note === undefined
        ? ''
        : bracket(noteAt, at) + (note === before ? '' : letters({ x: noteAt + 8, at, fill: '#3b6ea5' }, note)),
    )
    .join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
  <title>One record of the audit trail</title>
  <rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${code}${notes}</svg>
`;
}

function laidOut(value: Json, path: string, depth: number): Line[] {
  const [indent, short] = ['  '.repeat(depth), JSON.stringify(value)];
  const isShort = depth > 0 && short.length + indent.length + path.length <= MAX_LETTERS;
  if (isShort || typeof value !== 'object' || value === null) return [{ path, text: `${indent}${short}` }];
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const members = Object.entries(value).flatMap(([name, member], at, all) => {
    const inner = laidOut(member as Json, path === '' ? name : `${path}.${name}`, depth + 1);
    const label = Array.isArray(value) ? '' : `"${name}": `;
    return inner.map((line, of) => {
      const named = of === 0 ? line.text.replace(/^ */, (spaces) => spaces + label) : line.text;
      const isLastOfMember = of === inner.length - 1 && at < all.length - 1;
      return { path: line.path, text: isLastOfMember ? `${named},` : named };
    });
  });
  return [{ path, text: `${indent}${open}` }, ...members, { path, text: `${indent}${close}` }];
}

function noteOf(path: string): string | undefined {
  const fitting = Object.keys(NOTES).filter((begin) => path === begin || path.startsWith(`${begin}.`));
  const longest = fitting.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? undefined : NOTES[longest];
}

function bracket(x: number, at: number): string {
  const y = TOP + at * LINE;
  return `  <line x1="${x}" y1="${y - 12}" x2="${x}" y2="${y + 4}" stroke="#3b6ea5"/>\n`;
}

function letters({ x, at, fill, font }: { x: number; at: number; fill: string; font?: string }, words: string): string {
  const family = font === undefined ? '' : ` font-family="${font}" xml:space="preserve"`;
  return `  <text x="${x}" y="${TOP + at * LINE}" fill="${fill}"${family}>${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>\n`;
}
