import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const FOLDER = join(import.meta.dirname, '../../../deploy/dashboards');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Model {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

const models = globSync('*.json', { cwd: FOLDER }).map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Model);

const overlap = ({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

describe('dashboards', () => {
  it('are two', () => assert.deepEqual(models.map(({ uid }) => uid).sort(), ['keyside-injector', 'keyside-sidecars']));

  for (const { uid, panels, templating } of models) {
    it(`${uid}: no panel lies on another or beyond the edge, and each has a number of its own`, () => {
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
      for (const [index, panel] of panels.entries()) {
        assert.ok(panel.gridPos.x + panel.gridPos.w <= 24, panel.title);
        for (const other of panels.slice(index + 1)) assert.ok(!overlap(panel, other), `${panel.title} and ${other.title}`);
      }
    });

    it(`${uid}: each graph says what it tells, and asks with variables that there are`, () => {
      const names = [...templating.list.map(({ name }) => name), '__rate_interval'];
      const graphs = panels.filter(({ type }) => type === 'timeseries');
      assert.ok(graphs.length >= 7);
      for (const { title, description = '', targets = [] } of graphs) {
        assert.ok(description !== '' && targets.length > 0, title);
        const used = targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name = '']) => name));
        for (const name of used) assert.ok(names.includes(name), `${title}: $${name}`);
      }
    });
  }
});
