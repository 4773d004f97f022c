import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { KeysideClient } from '../src/index.ts';
import { Reader, type Result } from './interop-reader.ts';
import { readJson, type Scenarios } from './interop-scenarios.ts';
import { writeScenarios } from './interop-writer.ts';

const { KEYSIDE_INTEROP_PHASE: phase, KEYSIDE_INTEROP_DIR: folder = '', KEYSIDE_INTEROP_WRITERS: writers = '' } = process.env;
const skip = phase === undefined && 'there is no daemon: KEYSIDE_INTEROP_PHASE is not set (npm run interop)';
const scenarios = () => readJson<Scenarios>(process.env.KEYSIDE_INTEROP_SCENARIOS ?? '');

describe('with the clients of other languages', { skip }, () => {
  it('writes what they read', { skip: phase === 'read' && 'this is the phase in which it reads' }, async () => {
    using client = new KeysideClient();
    await writeScenarios(client, scenarios(), folder);
  });

  it('reads what they wrote', { skip: phase !== 'read' && 'this is the phase in which it writes' }, async () => {
    using client = new KeysideClient();
    const results: Result[] = [];
    for (const writer of writers.split(',')) {
      const reader = new Reader(client, scenarios(), { folder, writer });
      await reader.readAll();
      results.push(...reader.results);
    }
    writeFileSync(join(folder, 'read-by-typescript.json'), JSON.stringify(results, undefined, 1));
    const failed = results.filter(({ passed }) => !passed);
    assert.deepEqual(failed, [], `${failed.length} of ${results.length} failed`);
  });
});
