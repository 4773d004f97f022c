import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonLine, MAX_VALUE_BYTES } from '../../../src/telemetry/json-line.ts';
import type { LogFields } from '../../../src/telemetry/logger.ts';

const ENTRY = { epochMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6), level: 'info', message: 'ready' } as const;

test('a line is one JSON object with time, level and message first, and a line feed', () => {
  assert.equal(
    jsonLine(ENTRY, { port: 7460, tls: false, host: 'localhost' }),
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"ready","port":7460,"tls":false,"host":"localhost"}\n',
  );
  assert.equal(jsonLine(ENTRY, undefined), '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"ready"}\n');
});

const values: { name: string; fields: LogFields; want: string }[] = [
  { name: 'an undefined field is left out', fields: { a: undefined, b: 1 }, want: ',"b":1}' },
  {
    name: 'a number that JSON has no form for is written as text',
    fields: { a: Number.NaN, b: -Infinity },
    want: ',"a":"NaN","b":"-Infinity"}',
  },
  {
    name: "a field with the name of the line's own is written with an underscore",
    fields: { level: 'x', time: 1 },
    want: ',"_level":"x","_time":1}',
  },
  {
    name: 'line feeds and escape sequences are escaped',
    fields: { a: 'x\n{"b":1}\u001b[31m' },
    want: ',"a":"x\\n{\\"b\\":1}\\u001b[31m"}',
  },
  {
    name: 'controls that JSON leaves alone are escaped too',
    fields: { a: '\u007f\u009b\u2028\u2029' },
    want: ',"a":"\\u007f\\u009b\\u2028\\u2029"}',
  },
  { name: 'a lone surrogate is escaped', fields: { a: '\ud800' }, want: ',"a":"\\ud800"}' },
];

for (const { name, fields, want } of values) {
  test(name, () =>
    assert.equal(
      jsonLine(ENTRY, fields).slice('{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"ready"'.length),
      `${want}\n`,
    ),
  );
}

test('what is no text, number or boolean is not written, whatever it is', () => {
  const fields = { a: { secret: 'key' }, b: null } as unknown as LogFields;
  assert.equal(JSON.parse(jsonLine(ENTRY, fields)).a, '[not text]');
  assert.equal(JSON.parse(jsonLine(ENTRY, fields)).b, '[not text]');
});

test('text is cut at 2 KiB of UTF-8, never within a character', () => {
  const exact = 'x'.repeat(MAX_VALUE_BYTES);
  assert.equal(JSON.parse(jsonLine(ENTRY, { exact })).exact, exact);
  const { long, wide } = JSON.parse(jsonLine(ENTRY, { long: `${exact}y`, wide: `x${'😀'.repeat(1000)}` }));
  assert.equal(long, `${exact}…`);
  assert.equal(wide, `x${'😀'.repeat(511)}…`);
});

test('property: every line is one line that parses to what was logged, and no value exceeds its bound', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.boolean(),
    fc.string({ unit: 'binary', minLength: 900, maxLength: 3000 }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value, (message, field) => {
      const line = jsonLine({ ...ENTRY, message }, { field });
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\u2028\u2029]/u);
      const parsed = JSON.parse(line);
      assert.equal(parsed.message, message);
      if (typeof field !== 'string' || Buffer.byteLength(field) <= MAX_VALUE_BYTES) assert.equal(parsed.field, field);
      else assert.ok(field.startsWith(parsed.field.slice(0, -1)) && Buffer.byteLength(parsed.field) <= MAX_VALUE_BYTES + 3);
    }),
    { numRuns: 300 },
  );
});
